// Blocks one below the other, a page at a time.
import { card, h, table } from './dom.js';
import { ago, bytes, compact, count, percent, short } from './format.js';
import { amount, quantity } from './quantity.js';

const PAGE = 20;
const COLUMNS = [
  { title: 'Block' },
  { title: 'Hash' },
  { title: 'Age' },
  { title: 'Transactions', class: 'number' },
  { title: 'Gas', class: 'number' },
  { title: 'Full', class: 'number' },
  { title: 'Size', class: 'number' },
];

export async function blocksView({ connection, now }, [from]) {
  if (from !== undefined && !/^\d{1,15}$/.test(from)) throw new Error(`“${from}” is not a block’s number.`);
  const head = amount(await connection.call('eth_blockNumber'));
  const newest = Math.min(head, from === undefined ? head : Number(from));
  const numbers = Array.from({ length: Math.min(PAGE, newest + 1) }, (_, i) => newest - i);
  const blocks = await Promise.all(
    numbers.map((n) => kept(connection.call('eth_getBlockByNumber', quantity(n), false))),
  );
  const oldest = newest - numbers.length + 1;
  const pager = h(
    'nav.pager',
    newest < head ? h('a', { href: `#/blocks/${Math.min(head, newest + PAGE)}` }, '← newer') : h('span'),
    h('span', `${count(oldest)} to ${count(newest)} of ${count(head)}`),
    oldest > 0 ? h('a', { href: `#/blocks/${oldest - 1}` }, 'older →') : h('span'),
  );
  const rows = blocks.filter(Boolean).map((block) => blockRow(block, now()));
  return {
    title: 'Blocks',
    element: h(
      'div.page',
      card('Blocks', pager, table(COLUMNS, rows, { empty: 'These blocks are not kept any more.' })),
    ),
  };
}

// null for a block that retention took.
const kept = (block) => block.catch((error) => (error.code === 4444 ? null : Promise.reject(error)));

function blockRow(block, now) {
  const [used, limit] = [amount(block.gasUsed), amount(block.gasLimit)];
  return [
    h('a', { href: `#/block/${amount(block.number)}` }, count(amount(block.number))),
    h('a.hash', { href: `#/block/${block.hash}` }, short(block.hash)),
    ago(Math.max(0, now - amount(block.timestamp) * 1000)),
    count(block.transactions.length),
    compact(used),
    percent(used / limit),
    bytes(amount(block.size)),
  ];
}
