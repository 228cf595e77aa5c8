// A transaction's way through this node, step by step, with the time between (docs/transaction.md).
import { cardWith, h, table } from './dom.js';
import { count, seconds } from './format.js';

const COLUMNS = [
  { title: 'At', class: 'number' },
  { title: 'Since', class: 'number' },
  { title: 'Step' },
  { title: '' },
  { title: 'What' },
];

// What each step tells, from its members.
const WORDS = {
  received: ({ via, shard }) => `over ${via}, by shard ${shard}`,
  verified: ({ shard }) => `by shard ${shard}`,
  pooled: ({ shard }) => `by shard ${shard}`,
  taken: ({ shard }) => `out of the pool of shard ${shard}`,
  car: ({ owner, position }) => `${count(position)} of ${owner.name}`,
  stored: ({ acked }) => `the car is durable here${acked ? ' and acked' : ''}`,
  quorum: () => 'acks of a quorum came',
  ordered: ({ view, leader }) => (leader ? `in view ${count(view)}, led by ${leader.name}` : 'by this node alone'),
  begun: ({ block }) => `the execution of block ${count(block)}`,
  executed: ({ pass, round, shard, escaped }) =>
    `pass ${pass}, round ${round}, ${shard === null ? 'by the coordinator' : `on shard ${shard}`}${escaped ? `: ${escaped}` : ''}`,
  sealed: () => 'roots and header are made',
  durable: () => 'on disk; its receipt is visible',
  dropped: ({ reason }) => reason,
  left: ({ reason }) => reason,
};

// null where the node keeps no steps of it.
export async function pathCard(connection, hash) {
  const { steps, note } = await connection.call('gantry_traceTransactionPath', hash);
  if (!steps.length) return null;
  const longest = Math.max(...steps.map(({ sinceUs }) => sinceUs ?? 0));
  const time = (us) => (us === null ? '–' : seconds(us / 1e6));
  const rows = steps.map((step) => [
    time(step.atUs),
    time(step.sinceUs),
    step.step,
    bar(step.sinceUs, longest),
    WORDS[step.step]?.(step) ?? '',
  ]);
  return cardWith('Its way through this node', note && h('span.remark', note), h('div.way', table(COLUMNS, rows)));
}

function bar(us, longest) {
  const fill = h('i');
  fill.style.width = `${longest ? ((us ?? 0) / longest) * 100 : 0}%`;
  return h('div.bar', fill);
}
