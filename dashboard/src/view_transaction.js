// One transaction: what was sent, what became of it, its logs. One that waits is asked for again until it is there.
import { card, cardWith, emptyState, facts, h } from './dom.js';
import { byteLength, bytes, count, money } from './format.js';
import { logList } from './logs.js';
import { pathCard } from './path.js';
import { addressLink, amount, blockLink, exact, hashText } from './quantity.js';
import { result } from './view_block.js';

const TYPES = { '0x0': 'legacy', '0x1': 'with access list (EIP-2930)', '0x2': 'dynamic fee (EIP-1559)' };
const DATA_SHOWN = 2048; // digits

const WORDS = {
  pending: 'It is in the pool and may be in the next block.',
  queued: 'It is in the pool, behind a nonce that is missing.',
  unknown: 'This node has not seen it, or has forgotten it.',
};

export async function transactionView({ connection }, [hash]) {
  if (!/^0x[0-9a-f]{64}$/i.test(hash)) throw new Error(`“${hash}” is not a transaction’s hash.`);
  const [status, tx, receipt] = await Promise.all(
    ['gantry_transactionStatus', 'eth_getTransactionByHash', 'eth_getTransactionReceipt'].map((method) =>
      connection.call(method, hash),
    ),
  );
  const waits = status.status === 'pending' || status.status === 'queued';
  return {
    title: 'Transaction',
    reload: waits,
    element: h(
      'div.page',
      cardWith(
        'Transaction',
        verdict(status, receipt),
        facts([['Hash', hashText(hash)], ...outcome(status, receipt), ...content(tx)]),
      ),
      await pathCard(connection, hash),
      tx && inputCard(tx),
      receipt && logsCard(receipt),
    ),
  };
}

function verdict({ status }, receipt) {
  if (receipt) return result(receipt);
  return h(`span.mark.${status === 'dropped' ? 'bad' : 'own'}`, status);
}

function outcome({ status, reason }, receipt) {
  if (!receipt) return [['State', status === 'dropped' ? `It left without being included: ${reason}.` : WORDS[status]]];
  return [
    ['Block', h('span', blockLink(receipt.blockNumber), `, place ${count(amount(receipt.transactionIndex))}`)],
    ['Gas used', count(amount(receipt.gasUsed))],
    ['Gas price paid', money(exact(receipt.effectiveGasPrice))],
    ['Fee', money(exact(receipt.gasUsed) * exact(receipt.effectiveGasPrice))],
    receipt.contractAddress && ['Created', addressLink(receipt.contractAddress, { whole: true })],
  ];
}

function content(tx) {
  if (!tx) return [];
  return [
    ['From', addressLink(tx.from, { whole: true })],
    ['To', tx.to ? addressLink(tx.to, { whole: true }) : 'nobody: it creates a contract'],
    ['Value', money(exact(tx.value))],
    ['Nonce', count(amount(tx.nonce))],
    ['Gas limit', count(amount(tx.gas))],
    tx.maxFeePerGas ? ['Fee cap', money(exact(tx.maxFeePerGas))] : ['Gas price', money(exact(tx.gasPrice))],
    tx.maxPriorityFeePerGas && ['Tip cap', money(exact(tx.maxPriorityFeePerGas))],
    ['Type', TYPES[tx.type] ?? tx.type],
    tx.accessList?.length && [
      'Access list',
      `${count(tx.accessList.length)} addresses, ${count(tx.accessList.flatMap((a) => a.storageKeys).length)} slots`,
    ],
  ];
}

function inputCard({ input }) {
  const size = byteLength(input);
  if (!size) return null;
  const cut = input.length > DATA_SHOWN;
  return cardWith('Data', h('span.remark', bytes(size)), h('pre.data', input.slice(0, DATA_SHOWN) + (cut ? '…' : '')));
}

function logsCard({ logs }) {
  return card(
    logs.length ? `Logs (${count(logs.length)})` : 'Logs',
    logs.length ? logList(logs) : emptyState('It wrote none.'),
  );
}
