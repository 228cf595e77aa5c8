// JSON-RPC's quantities ("0x1f") and what pages make of values on the chain.
import { h } from './dom.js';
import { count, short } from './format.js';

export const amount = (hex) => Number(hex); // up to 2^53
export const exact = (hex) => BigInt(hex);
export const quantity = (n) => `0x${n.toString(16)}`;

export const addressLink = (address, { whole = false } = {}) =>
  h('a.hash', { href: `#/address/${address}`, title: address }, whole ? address : short(address, 4));
export const transactionLink = (hash, { whole = false } = {}) =>
  h('a.hash', { href: `#/tx/${hash}`, title: hash }, whole ? hash : short(hash));
export const blockLink = (number) => h('a', { href: `#/block/${amount(number)}` }, count(amount(number)));
export const hashText = (hash) => h('span.hash', hash);
