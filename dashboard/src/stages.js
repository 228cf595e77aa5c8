// Each thread's time by stage, as one strip a thread.
import { cardWith, emptyState, h, setText } from './dom.js';
import { percent } from './format.js';
import { swatch } from './chart.js';

// In the order of a transaction's way; idle is what is left.
const STAGES = {
  receive: 'bytes from sockets',
  decode: 'transactions and frames read',
  verify: 'senders recovered, signatures checked',
  pool: 'transactions pooled and picked',
  link: 'messages between shards, and with peers',
  order: 'blocks ordered and assembled',
  execute: 'transactions executed',
  trie: 'state, transaction and receipt roots',
  store: 'the block log and checkpoints',
  reply: 'answers to clients',
  preempted: 'ready to run, but the processor was with others',
  idle: 'nothing to do',
};

export class Stages {
  #rows = new Map();
  #list = h('div.strips');

  constructor() {
    const keys = Object.entries(STAGES).map(([stage, title]) =>
      h('span.key', { title }, swatch(`--stage-${stage}`), stage),
    );
    this.element = cardWith(
      'Where the time goes',
      h('span.remark', 'each thread, last two seconds'),
      this.#list,
      h('div.legend.below', keys),
    );
    this.#list.append(emptyState('Waiting for the first two readings.'));
  }

  update(threads) {
    if (threads.length !== this.#rows.size || threads.some(({ thread }) => !this.#rows.has(thread)))
      this.#make(threads);
    for (const { thread, stages } of threads) {
      const { parts, busy } = this.#rows.get(thread);
      for (const [stage, part] of parts) {
        const share = stages.get(stage) ?? 0;
        part.style.width = `${share * 100}%`;
        part.title = `${thread}: ${stage} ${percent(share)} (${STAGES[stage]})`;
      }
      setText(busy, percent(1 - (stages.get('idle') ?? 0) - (stages.get('preempted') ?? 0)));
    }
  }

  #make(threads) {
    this.#rows.clear();
    const rows = threads.map(({ thread }) => {
      const parts = new Map(Object.keys(STAGES).map((stage) => [stage, part(stage)]));
      const busy = h('span.busy', { title: 'share of its time that it worked' });
      this.#rows.set(thread, { parts, busy });
      return h('div.strip', h('span.name', thread), h('div.bar', [...parts.values()]), busy);
    });
    this.#list.replaceChildren(...rows);
  }
}

function part(stage) {
  const element = h(`i.stage-${stage}`);
  element.style.background = `var(--stage-${stage})`;
  return element;
}
