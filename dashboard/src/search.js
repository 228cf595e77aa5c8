// From what somebody typed to a page: a block's number or hash, a transaction's hash, an address.
import { h } from './dom.js';
import { count } from './format.js';
import { amount } from './quantity.js';

const HELP = 'a block’s number, a hash (0x and 64 digits) or an address (0x and 40 digits)';

// The page's place (#/...); throws an Error that says why there is none.
export async function find(connection, text) {
  const query = text.trim().replace(/[,_\s]/g, '');
  if (!query) throw new Error(`Search for ${HELP}.`);
  if (/^#?\d{1,15}$/.test(query)) return findNumber(connection, Number(query.replace('#', '')));
  if (/^(0x)?[0-9a-f]{64}$/i.test(query)) return findHash(connection, withPrefix(query));
  if (/^(0x)?[0-9a-f]{40}$/i.test(query)) return `#/address/${withPrefix(query)}`;
  throw new Error(`That is not ${HELP}.`);
}

const withPrefix = (hex) => (/^0x/i.test(hex) ? `0x${hex.slice(2)}` : `0x${hex}`).toLowerCase();

async function findNumber(connection, number) {
  const head = amount(await connection.call('eth_blockNumber'));
  if (number > head) throw new Error(`There is no block ${count(number)}; the newest is ${count(head)}.`);
  return `#/block/${number}`;
}

async function findHash(connection, hash) {
  const { status } = await connection.call('gantry_transactionStatus', hash);
  if (status !== 'unknown') return `#/tx/${hash}`;
  if (await connection.call('eth_getBlockByHash', hash, false)) return `#/block/${hash}`;
  throw new Error('No transaction and no block with this hash is known here.');
}

export function searchBox(connection) {
  const input = h('input', {
    type: 'search',
    name: 'q',
    placeholder: 'Block, hash or address',
    ariaLabel: 'Search by block number, hash or address',
    autocomplete: 'off',
    spellcheck: false,
  });
  const answer = h('div.answer', { role: 'alert', hidden: true });
  const say = (text) => {
    answer.textContent = text;
    answer.hidden = !text;
  };
  const form = h('form.search', { role: 'search' }, input, answer);
  form.onsubmit = async (event) => {
    event.preventDefault();
    say('');
    try {
      location.hash = await find(connection, input.value);
      input.value = '';
      input.blur();
    } catch (error) {
      say(error.message);
    }
  };
  input.oninput = () => say('');
  input.onkeydown = ({ key }) => {
    if (key === 'Escape') say('');
  };
  return form;
}
