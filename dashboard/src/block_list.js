// Blocks as they come. While the pointer is over the list it stands still, so that what is clicked is what was meant.
import { cardWith, emptyState, h } from './dom.js';
import { ago, bytes, compact, count, percent, short } from './format.js';

const SHOWN = 10;

export class BlockList {
  #held = false;
  #note = h('span.remark');
  #body = h('tbody');
  #frame = h('div.scroll');
  #table;

  constructor() {
    const titles = [
      ['Block'],
      ['Hash', 'wide-only'],
      ['Age'],
      ['Transactions', 'number'],
      ['Gas', 'number'],
      ['Full', 'number wide-only'],
      ['Size', 'number wide-only'],
    ];
    const head = h(
      'tr',
      titles.map(([title, className = '']) => h('th', { className }, title)),
    );
    this.#table = h('table.live', h('thead', head), this.#body);
    this.#frame.onpointerenter = () => this.#hold(true);
    this.#frame.onpointerleave = () => this.#hold(false);
    this.element = cardWith('Blocks', h('span', this.#note, ' ', h('a', { href: '#/blocks' }, 'all')), this.#frame);
  }

  update(blocks, now) {
    if (this.#held && this.#body.childElementCount) return;
    if (!blocks.length) {
      this.#frame.replaceChildren(emptyState('No block yet: the chain makes them when there is something to include.'));
      return;
    }
    this.#body.replaceChildren(...blocks.slice(0, SHOWN).map((block) => blockRow(block, now)));
    if (this.#frame.firstChild !== this.#table) this.#frame.replaceChildren(this.#table);
  }

  #hold(held) {
    this.#held = held;
    this.#note.textContent = held ? 'held while you point at it · ' : '';
  }
}

function blockRow({ number, hash, timeMs, transactions, gasUsed, gasLimit, size }, now) {
  const href = `#/block/${number}`;
  return h(
    'tr',
    h('td', h('a', { href }, count(number))),
    h('td.wide-only', h('a.hash', { href: `#/block/${hash}` }, short(hash))),
    h('td', ago(Math.max(0, now - timeMs))),
    h('td.number', count(transactions)),
    h('td.number', compact(gasUsed)),
    h('td.number.wide-only', percent(gasUsed / gasLimit)),
    h('td.number.wide-only', bytes(size)),
  );
}
