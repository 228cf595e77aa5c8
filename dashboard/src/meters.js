// Small displays: a headline figure, a list of bars.
import { emptyState, h, setText } from './dom.js';

// A headline figure with a unit and a remark below.
export class Tile {
  #value = h('b', '–');
  #unit = h('span.unit');
  #remark = h('div.remark', '\u00a0');

  constructor(title, hint) {
    this.element = h(
      'div.tile',
      { title: hint },
      h('h3', title),
      h('div.value', this.#value, this.#unit),
      this.#remark,
    );
  }

  // text: the number, and its unit after a narrow space (format.js).
  set(text, { unit = '', remark = '' } = {}) {
    const [value, own = ''] = text.split('\u202f');
    setText(this.#value, value);
    setText(this.#unit, [own, unit].filter(Boolean).join(' '));
    setText(this.#remark, remark || '\u00a0');
  }
}

// Names with bars: rows are [name, share (0 to 1), text]. Long names stand above their bars.
export class Bars {
  #rows = new Map();

  constructor(property, { empty = '', long = false } = {}) {
    this.property = property;
    this.empty = empty;
    this.element = h(long ? 'div.bars.long' : 'div.bars');
  }

  set(rows) {
    if (!rows.length) {
      this.#rows.clear();
      this.element.replaceChildren(emptyState(this.empty));
      return;
    }
    if (rows.length !== this.#rows.size || rows.some(([name]) => !this.#rows.has(name))) this.#make(rows);
    for (const [name, share, text] of rows) {
      const { fill, value } = this.#rows.get(name);
      fill.style.width = `${Math.min(1, share || 0) * 100}%`;
      setText(value, text);
    }
  }

  #make(rows) {
    this.#rows.clear();
    this.element.replaceChildren(
      ...rows.map(([name]) => {
        const [fill, value] = [h('i'), h('span.amount')];
        fill.style.background = `var(${this.property})`;
        this.#rows.set(name, { fill, value });
        return h('div.bar-row', h('span.name', name), h('div.bar', fill), value);
      }),
    );
  }
}
