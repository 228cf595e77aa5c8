/*! Charts by uPlot 1.6, copyright (c) 2025 Leon Sorokin, MIT License, https://github.com/leeoniya/uPlot */
// Lines over time, with a legend that tells the values under the pointer, else the newest.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { h, setText } from './dom.js';
import { colour, onTheme } from './theme.js';

const HEIGHT = 190;

// series: [{ label, colour (a custom property), fill?, title? }]; format: of values.
export class Chart {
  #plot = null;
  #frame = h('div.chart');
  #values;
  #data;
  #series;
  #format;
  #stopTheme;
  #observer;

  constructor(series, format) {
    this.#series = series;
    this.#format = format;
    this.#data = [[], ...series.map(() => [])];
    this.#values = series.map(() => h('b', '–'));
    const keys = series.map((s, i) =>
      h('span.key', { title: s.title ?? '' }, swatch(s.colour), s.label, this.#values[i]),
    );
    this.element = h('div', h('div.legend', keys), this.#frame);
    this.#stopTheme = onTheme(() => this.#build());
    this.#observer = new ResizeObserver(() => this.#fit());
    this.#observer.observe(this.#frame);
  }

  set(data) {
    this.#data = data;
    this.#plot?.setData(data);
    this.#tell();
  }

  dispose() {
    this.#stopTheme();
    this.#observer.disconnect();
    this.#plot?.destroy();
  }

  #fit() {
    const width = this.#frame.clientWidth;
    if (!width) return;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT });
    else this.#build();
  }

  #tell() {
    const at = this.#plot?.cursor.idx ?? this.#data[0].length - 1;
    this.#values.forEach((value, i) => {
      const x = this.#data[i + 1][at];
      setText(value, x === null || x === undefined ? '–' : this.#format(x));
    });
  }

  #build() {
    const width = this.#frame.clientWidth;
    this.#plot?.destroy();
    if (!width) return;
    const [text, grid] = [colour('--muted'), colour('--grid')];
    const axis = {
      stroke: text,
      grid: { stroke: grid, width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    this.#plot = new uPlot(
      {
        width,
        height: HEIGHT,
        padding: [10, 22, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
        scales: {
          x: { time: true },
          y: { range: (_, low, high) => [0, Math.max(high, Number.MIN_VALUE) * 1.08 || 1] },
        },
        axes: [
          { ...axis, size: 26, space: 80, values: (_, splits) => splits.map(timeOfDay) },
          { ...axis, size: 64, values: (_, splits) => splits.map((y) => this.#format(y)) },
        ],
        series: [{}, ...this.#series.map((s) => line(s))],
        hooks: { setCursor: [() => this.#tell()] },
      },
      this.#data,
      this.#frame,
    );
  }
}

const timeOfDay = (s) => new Date(s * 1000).toLocaleTimeString('en-GB');

export function swatch(property) {
  const box = h('i.swatch');
  box.style.background = `var(${property})`;
  return box;
}

function line({ colour: property, fill }) {
  const stroke = colour(property);
  return {
    stroke,
    width: 1.75,
    points: { show: false },
    fill: fill ? stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.14)') : undefined,
  };
}
