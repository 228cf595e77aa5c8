// The last minutes, as the node told of them: readings to tell rates from, and the figures that charts show.
import { figures, parse, sum } from './metrics.js';

const WINDOW_MS = 2000; // figures are of this long
const KEPT_MS = 5 * 60_000;
const BLOCKS_KEPT = 64;

export class History {
  #readings = []; // { at (the node's clock, ms), samples }, those of the window
  #ahead = Infinity; // of this clock before the node's, ms: the least seen, as what comes late says nothing of clocks
  points = []; // { at (this clock, ms), figures }; figures are null where the node was away
  blocks = []; // newest first

  // Takes an overview; returns the newest figures, null while there is one reading only.
  add({ timeMs, metrics, blocks }, now) {
    const samples = parse(metrics);
    const last = this.#readings.at(-1);
    if (last && sum(samples, 'gantry_uptime_seconds') < sum(last.samples, 'gantry_uptime_seconds')) this.interrupt(now);
    this.#readings.push({ at: timeMs, samples });
    while (this.#readings.length > 2 && this.#readings[1].at <= timeMs - WINDOW_MS) this.#readings.shift();
    this.#addBlocks(blocks);
    const first = this.#readings[0];
    if (first.at >= timeMs) return null;
    this.#ahead = Math.min(this.#ahead, now - timeMs);
    const point = { at: timeMs + this.#ahead, figures: figures(first.samples, samples, (timeMs - first.at) / 1000) };
    this.points.push(point);
    while (this.points[0].at < now - KEPT_MS) this.points.shift();
    return point.figures;
  }

  // The node is away, or another process: what comes has nothing to do with what was.
  interrupt(now) {
    this.#readings = [];
    this.#ahead = Infinity;
    this.blocks = [];
    if (this.points.at(-1)?.figures) this.points.push({ at: now, figures: null });
  }

  // [times in seconds, values of each picked figure]; null where there is none.
  columns(...picks) {
    const value = (pick, { figures }) => {
      const x = figures ? pick(figures) : NaN;
      return Number.isFinite(x) ? x : null;
    };
    return [this.points.map((p) => p.at / 1000), ...picks.map((pick) => this.points.map((p) => value(pick, p)))];
  }

  #addBlocks(blocks) {
    const newest = this.blocks[0]?.number ?? 0;
    this.blocks = [...blocks.filter((b) => b.number > newest), ...this.blocks].slice(0, BLOCKS_KEPT);
  }
}
