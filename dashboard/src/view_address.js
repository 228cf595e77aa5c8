// One account: balance, nonce, code, and the logs that it wrote of late.
import { card, cardWith, emptyState, facts, h } from './dom.js';
import { byteLength, bytes, count, money } from './format.js';
import { logList } from './logs.js';
import { amount, exact, hashText, quantity } from './quantity.js';

const LOG_BLOCKS = 1000;
const CODE_SHOWN = 1024; // digits

export async function addressView({ connection }, [address]) {
  if (!/^0x[0-9a-f]{40}$/i.test(address)) throw new Error(`“${address}” is not an address.`);
  const ask = (method, ...rest) => connection.call(method, address, ...rest);
  const [balance, nonce, next, code, head] = await Promise.all([
    ask('eth_getBalance', 'latest'),
    ask('eth_getTransactionCount', 'latest'),
    ask('eth_getTransactionCount', 'pending'),
    ask('eth_getCode', 'latest'),
    connection.call('eth_blockNumber'),
  ]);
  const size = byteLength(code);
  const waiting = amount(next) - amount(nonce);
  const account = facts([
    ['Address', hashText(address)],
    ['Kind', size ? `contract, ${bytes(size)} of code` : 'account without code'],
    ['Balance', money(exact(balance))],
    ['Nonce', `${count(amount(nonce))}${waiting > 0 ? ` (${count(waiting)} more in the pool)` : ''}`],
    ['As of block', count(amount(head))],
  ]);
  return {
    title: 'Address',
    element: h(
      'div.page',
      card(size ? 'Contract' : 'Account', account),
      size > 0 && codeCard(code, size),
      size > 0 && (await logsCard(connection, address, amount(head))),
    ),
  };
}

function codeCard(code, size) {
  return cardWith(
    'Code',
    h('span.remark', bytes(size)),
    h('pre.data', code.slice(0, CODE_SHOWN) + (code.length > CODE_SHOWN ? '…' : '')),
  );
}

async function logsCard(connection, address, head) {
  const from = Math.max(0, head - LOG_BLOCKS + 1);
  const remark = h('span.remark', `blocks ${count(from)} to ${count(head)}, newest first`);
  const logs = await connection
    .call('eth_getLogs', { address, fromBlock: quantity(from), toBlock: quantity(head) })
    .catch((error) => error);
  if (logs instanceof Error) return cardWith('Logs', remark, emptyState(`The node does not tell: ${logs.message}.`));
  return cardWith(
    'Logs',
    remark,
    logs.length ? logList(logs.reverse(), { withTransaction: true }) : emptyState('It wrote none.'),
  );
}
