// One block: its header, and its transactions a page at a time.
import { card, cardWith, emptyState, facts, h, table } from './dom.js';
import { byteLength, bytes, count, money, moment, percent } from './format.js';
import { addressLink, amount, exact, hashText, quantity, transactionLink } from './quantity.js';

const PAGE = 25;
const COLUMNS = [
  { title: '#', class: 'number' },
  { title: 'Transaction' },
  { title: 'From' },
  { title: 'To' },
  { title: 'Value', class: 'number' },
  { title: 'Gas', class: 'number' },
  { title: 'Logs', class: 'number' },
  { title: 'Result' },
];

export async function blockView({ connection }, [name, page = '1']) {
  const isHash = /^0x[0-9a-f]{64}$/i.test(name);
  if (!isHash && !/^\d{1,15}$/.test(name)) throw new Error(`“${name}” is neither a block’s number nor its hash.`);
  const [block, head] = await Promise.all([
    isHash
      ? connection.call('eth_getBlockByHash', name, false)
      : connection.call('eth_getBlockByNumber', quantity(Number(name)), false),
    connection.call('eth_blockNumber'),
  ]);
  if (!block)
    throw new Error(`There is no block ${isHash ? name : count(Number(name))}; the newest is ${count(amount(head))}.`);
  const number = amount(block.number);
  const last = Math.max(1, Math.ceil(block.transactions.length / PAGE));
  const at = Math.min(last, Math.max(1, Number.parseInt(page, 10) || 1));
  const neighbours = h(
    'nav.pager',
    number > 0 ? h('a', { href: `#/block/${number - 1}` }, '← previous') : h('span'),
    number < amount(head) ? h('a', { href: `#/block/${number + 1}` }, 'next →') : h('span', 'the newest'),
  );
  return {
    title: `Block ${count(number)}`,
    element: h(
      'div.page',
      cardWith(`Block ${count(number)}`, neighbours, headerFacts(block)),
      await transactionsCard(connection, block, at, last),
    ),
  };
}

function headerFacts(block) {
  const [used, limit] = [amount(block.gasUsed), amount(block.gasLimit)];
  return facts([
    ['Hash', hashText(block.hash)],
    ['Parent', h('a.hash', { href: `#/block/${block.parentHash}` }, block.parentHash)],
    ['Time', moment(amount(block.timestamp) * 1000)],
    ['Transactions', count(block.transactions.length)],
    ['Gas used', `${count(used)} of ${count(limit)} (${percent(used / limit)})`],
    block.baseFeePerGas && ['Base fee', money(exact(block.baseFeePerGas))],
    ['Fee recipient', addressLink(block.miner, { whole: true })],
    ['Size', bytes(amount(block.size))],
    ['State root', hashText(block.stateRoot)],
    ['Transactions root', hashText(block.transactionsRoot)],
    ['Receipts root', hashText(block.receiptsRoot)],
    block.parentBeaconBlockRoot && ['Ordering block', hashText(block.parentBeaconBlockRoot)],
    block.extraData !== '0x' && ['Extra data', hashText(block.extraData)],
  ]);
}

async function transactionsCard(connection, block, at, last) {
  const first = (at - 1) * PAGE;
  const hashes = block.transactions.slice(first, first + PAGE);
  if (!hashes.length) return card('Transactions', emptyState('This block has none.'));
  const rows = await Promise.all(
    hashes.map(async (hash, i) => {
      const [tx, receipt] = await Promise.all([
        connection.call('eth_getTransactionByHash', hash),
        connection.call('eth_getTransactionReceipt', hash),
      ]);
      return transactionRow(first + i, tx, receipt);
    }),
  );
  return cardWith('Transactions', pager(block, at, last), table(COLUMNS, rows));
}

function pager(block, at, last) {
  if (last === 1) return null;
  const to = (page, text) => h('a', { href: `#/block/${amount(block.number)}/${page}` }, text);
  return h(
    'nav.pager',
    at > 1 ? to(1, 'first') : h('span', 'first'),
    at > 1 ? to(at - 1, '←') : h('span', '←'),
    h('span', `page ${count(at)} of ${count(last)}`),
    at < last ? to(at + 1, '→') : h('span', '→'),
    at < last ? to(last, 'last') : h('span', 'last'),
  );
}

function transactionRow(index, tx, receipt) {
  const to = tx.to
    ? addressLink(tx.to)
    : receipt.contractAddress
      ? h('span', 'creates ', addressLink(receipt.contractAddress))
      : 'creates a contract';
  const data = byteLength(tx.input);
  return [
    count(index),
    transactionLink(tx.hash),
    addressLink(tx.from),
    data && tx.to ? h('span', to, h('span.faint', ` ${bytes(data)} data`)) : to,
    money(exact(tx.value)),
    count(amount(receipt.gasUsed)),
    receipt.logs.length ? count(receipt.logs.length) : '–',
    result(receipt),
  ];
}

export const result = ({ status }) => (status === '0x1' ? h('span.mark.good', 'done') : h('span.mark.bad', 'failed'));
