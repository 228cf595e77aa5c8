// Drives a node through random blocks of plain transfers, by JSON-RPC and the ingest port in turn: every transaction
// type, random fees around the base fee, runs of one sender in mixed-up order, accounts emptied to the last wei, money
// spent in the block that it arrives in, replaced transactions, and many that must be refused.
import assert from 'node:assert/strict';

import { devKeys, sleep, until } from './gantry.mjs';
import { IngestClient } from './ingest.mjs';
import { load } from './packages.mjs';
import { rpc, RpcError } from './rpc.mjs';

const { createTx } = load('@ethereumjs/tx');
const { createCustomCommon, Hardfork, Mainnet } = load('@ethereumjs/common');
const { privateToAddress, bytesToHex, hexToBytes } = load('@ethereumjs/util');
const { keccak256 } = load('ethers');

const common = createCustomCommon({ chainId: 31337 }, Mainnet, { hardfork: Hardfork.Cancun });
const noChain = createCustomCommon({ chainId: 31337 }, Mainnet, { hardfork: Hardfork.TangerineWhistle }); // before EIP-155
const otherChain = createCustomCommon({ chainId: 1 }, Mainnet, { hardfork: Hardfork.Cancun });
const POOR_ACCOUNTS = 30;

class Account {
  constructor(key) {
    this.key = key;
    this.address = bytesToHex(privateToAddress(key));
  }
}

const signed = (data, from, chain) => createTx(data, { common: chain }).sign(from.key).serialize();

export class RandomChain {
  constructor(node, random) {
    this.node = node;
    this.random = random;
    this.rpc = rpc(node.url);
    this.rich = devKeys.map((key) => new Account(hexToBytes(key)));
    this.poor = Array.from({ length: POOR_ACCOUNTS }, () => new Account(random.bytes(32)));
    this.accounts = [...this.rich, ...this.poor];
    this.accepted = new Set(); // hashes
    this.refused = {}; // words -> how often
  }

  // Goes on until the chain has `height` blocks.
  async run(height) {
    const ingest = await IngestClient.connect(this.node.ingestPort);
    for (let head = 0, rounds = 0; head < height; rounds++) {
      assert.ok(rounds < 10 * height, 'blocks stay away');
      await this.#refresh();
      await this.#send(this.#round(), this.random.chance(0.5) ? ingest : null);
      head = await this.#blockAfter(head);
    }
    ingest.close();
    await until(
      'the pool holds nothing executable',
      async () => {
        const { pending } = await this.rpc('txpool_status');
        return pending === '0x0';
      },
      60_000,
    );
  }

  // The head, as soon as it is past `head`. None comes when all of a round was refused.
  async #blockAfter(head) {
    const end = Date.now() + 1500;
    for (;;) {
      const now = Number(await this.rpc('eth_blockNumber'));
      if (now > head || Date.now() > end) return now;
      await sleep(5);
    }
  }

  // What became of every accepted transaction: {included, dropped, waiting}; fails when one is lost.
  async account() {
    const counts = { included: 0, dropped: 0, waiting: 0 };
    const hashes = [...this.accepted];
    for (let i = 0; i < hashes.length; i += 500) {
      const part = hashes.slice(i, i + 500);
      const answers = await this.rpc.batch(part.map((hash) => ['gantry_transactionStatus', hash]));
      answers.forEach((answer, j) => {
        if (answer?.status === 'included') counts.included++;
        else if (answer?.status === 'dropped' && answer.reason) counts.dropped++;
        else if (['pending', 'queued'].includes(answer?.status)) counts.waiting++;
        else assert.fail(`${part[j]} was accepted and is lost: ${JSON.stringify(answer)}`);
      });
    }
    return counts;
  }

  // Balances, nonces and base fee as of now.
  async #refresh() {
    const calls = this.accounts.flatMap(({ address }) => [
      ['eth_getBalance', address, 'latest'],
      ['eth_getTransactionCount', address, 'pending'],
    ]);
    const [block, ...answers] = await this.rpc.batch([['eth_getBlockByNumber', 'latest', false], ...calls]);
    this.baseFee = BigInt(block.baseFeePerGas);
    this.accounts.forEach((account, i) => {
      account.balance = BigInt(answers[2 * i]);
      account.nonce = Number(answers[2 * i + 1]);
    });
  }

  #round() {
    const makers = [
      [6, () => [this.#transfer(this.random.pick(this.rich))]],
      [2, () => this.#run(this.random.pick(this.rich))],
      [2, () => this.#funding()],
      [2, () => this.#empty()],
      [1, () => this.#replacement(this.random.pick(this.rich))],
      [1, () => [this.#wrong(this.random.pick(this.accounts))]],
    ];
    const weighted = makers.flatMap(([weight, make]) => Array(weight).fill(make));
    const count = this.random.chance(0.1) ? 60 : 1 + this.random.below(15);
    return Array.from({ length: count }, () => this.random.pick(weighted)())
      .flat()
      .filter(Boolean);
  }

  #target() {
    const { random } = this;
    if (random.chance(0.3)) return random.pick(this.rich).address; // the coinbase is one of them
    if (random.chance(0.7)) return random.pick(this.poor).address;
    return bytesToHex(random.bytes(20));
  }

  #fees() {
    const { random, baseFee } = this;
    const tip = random.chance(0.2) ? 0n : random.bigBelow(2n * baseFee + 10n);
    const cap = random.chance(0.1) ? baseFee : baseFee + random.bigBelow(3n * baseFee + 10n);
    return { maxFeePerGas: cap > tip ? cap : tip, maxPriorityFeePerGas: tip };
  }

  #accessList() {
    const { random } = this;
    return Array.from({ length: random.below(3) }, () => [
      random.bytes(20),
      Array.from({ length: random.below(3) }, () => random.bytes(32)),
    ]);
  }

  // A signed transaction; `fields` win over what chance says.
  #transfer(from, fields = {}) {
    const { random } = this;
    const type = fields.type ?? random.below(3);
    const accessList = type === 0 ? undefined : (fields.accessList ?? this.#accessList());
    const listGas = (accessList ?? []).reduce((sum, [, keys]) => sum + 2400 + 1900 * keys.length, 0);
    const fees = type === 2 ? this.#fees() : { gasPrice: this.#fees().maxFeePerGas };
    const data = {
      nonce: from.nonce++,
      to: this.#target(),
      value: random.chance(0.1) ? 0n : random.bigBelow(10n ** BigInt(random.below(20))),
      gasLimit: 21000 + listGas + (random.chance(0.3) ? random.below(50_000) : 0),
      accessList,
      ...fees,
      ...fields,
      type,
    };
    return signed(data, from, type === 0 && random.chance(0.2) ? noChain : common);
  }

  #run(from) {
    const run = Array.from({ length: 2 + this.random.below(7) }, () => this.#transfer(from));
    return this.random.chance(0.5) ? this.random.shuffle(run) : run;
  }

  // Money for a poor account, which at once spends some of what it had or is about to get.
  #funding() {
    const to = this.random.pick(this.poor);
    const value = this.random.bigBelow(10n ** 15n);
    const out = [this.#transfer(this.random.pick(this.rich), { to: to.address, value })];
    const spendable = this.random.chance(0.5) ? to.balance : to.balance + value;
    const gas = 21000n * 4n * (this.baseFee + 10n);
    if (spendable > gas && to.balance > 0n)
      out.push(this.#transfer(to, { value: this.random.bigBelow(spendable - gas) }));
    return out;
  }

  // Spends an account's balance to the last wei.
  #empty() {
    const from = this.random.pick(this.poor);
    const gasPrice = this.baseFee * 2n;
    const value = from.balance - 21000n * gasPrice;
    if (value < 0n) return [];
    return [this.#transfer(from, { type: 0, gasLimit: 21000, gasPrice, value })];
  }

  // Behind a gap, so that the first one is surely still there; then the gap is filled.
  #replacement(from) {
    const nonce = from.nonce;
    const price = this.baseFee * 2n + 10n;
    const old = this.#transfer(from, { type: 0, nonce: nonce + 1, gasPrice: price });
    const replacement = this.#transfer(from, { type: 0, nonce: nonce + 1, gasPrice: price * 2n });
    const filler = this.#transfer(from, { type: 0, nonce, gasPrice: price });
    from.nonce = nonce + 2;
    return [old, replacement, filler];
  }

  // One that must be refused, or wait forever.
  #wrong(from) {
    const { random } = this;
    const nonce = from.nonce;
    const make = random.pick([
      () => this.#transfer(from, { value: from.balance + 1n, nonce }),
      () => this.#transfer(from, { nonce: Math.max(0, nonce - 1) }),
      () => this.#transfer(from, { nonce: nonce + 100_000 }),
      () => signed({ type: 0, nonce, to: this.#target(), gasLimit: 20_999, gasPrice: 10n ** 9n }, from, common),
      () => signed({ type: 2, nonce, to: this.#target(), gasLimit: 21_000, maxFeePerGas: 10n ** 9n }, from, otherChain),
      () => random.bytes(1 + random.below(200)),
    ]);
    const raw = make();
    from.nonce = nonce;
    return raw;
  }

  async #send(raws, ingest) {
    const outcomes = ingest
      ? await Promise.all(raws.map((raw) => ingest.send(raw).then((a) => (a.status === 0 ? null : a.text))))
      : (await this.rpc.batch(raws.map((raw) => ['eth_sendRawTransaction', bytesToHex(raw)]))).map((a) =>
          a instanceof RpcError ? a.message : null,
        );
    outcomes.forEach((refusal, i) => {
      if (refusal === null) {
        this.accepted.add(keccak256(raws[i]));
      } else {
        this.refused[refusal] = (this.refused[refusal] ?? 0) + 1;
      }
    });
  }
}
