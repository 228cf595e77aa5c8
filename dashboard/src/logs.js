// Logs, as a transaction's page and an address's show them.
import { facts, h } from './dom.js';
import { count } from './format.js';
import { addressLink, amount, transactionLink } from './quantity.js';

const SHOWN = 100;
const DATA_SHOWN = 1024; // digits

// withTransaction: each names the transaction that wrote it.
export function logList(logs, { withTransaction = false } = {}) {
  const rest = logs.length - SHOWN;
  return h(
    'div',
    logs.slice(0, SHOWN).map((log) => entry(log, withTransaction)),
    rest > 0 && h('p.empty', `and ${count(rest)} more`),
  );
}

function entry({ address, topics, data, logIndex, transactionHash }, withTransaction) {
  return h(
    'div.log',
    facts([
      [
        'Log',
        h('span', count(amount(logIndex)), withTransaction && h('span', ' of ', transactionLink(transactionHash))),
      ],
      ['Address', addressLink(address, { whole: true })],
      ...topics.map((topic, i) => [`Topic ${i}`, h('span.hash', topic)]),
      [
        'Data',
        data === '0x' ? 'none' : h('span.hash', data.slice(0, DATA_SHOWN) + (data.length > DATA_SHOWN ? '…' : '')),
      ],
    ]),
  );
}
