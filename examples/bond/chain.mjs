// What the two scripts share: a node, accounts that keep book of what they spend, and time.
import assert from 'node:assert/strict';

import { contracts, load } from '../../contracts/compile.mjs';

export const { ethers } = load('ethers');

// Keys of accounts that dev chains prefund: gantry's and others'. Everybody knows them. Not the first one, which gets the
// tips of gantry's dev chain, so that what it has paid for gas can't be told from its balance.
const DEV_KEYS = [
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
  '0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba',
];
const NAMES = ['issuer', 'Alice', 'Bob', 'Carol', 'Dora'];

// On a node that can set its clock forward a bond lives its years at once; elsewhere it lives for seconds.
const DAY = 86_400;
const LONG = { funding: 30 * DAY, issuing: 10 * DAY, period: 182 * DAY };
const SHORT = { funding: 15, issuing: 15, period: 3 };

const GAS = 3_000_000n; // given, not estimated: what will be refused can't be estimated

const RECEIPT_MS = 60_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// One who signs. `gas` is what the transactions have cost so far.
class Party {
  constructor(name, wallet) {
    Object.assign(this, { name, wallet, address: wallet.address, gas: 0n });
  }

  // Sends and returns the receipt, whether it succeeded or not.
  async send(request) {
    const { hash } = await this.wallet.sendTransaction({ gasLimit: GAS, ...request });
    const receipt = await this.#receipt(hash);
    this.gas += receipt.fee;
    return receipt;
  }

  // Asks again and again. ethers' waitForTransaction waits for a block after the one that it may have missed between two
  // questions; a chain that makes blocks only when there is something to put into them may never have another one.
  async #receipt(hash) {
    const end = Date.now() + RECEIPT_MS;
    for (;;) {
      const receipt = await this.wallet.provider.getTransactionReceipt(hash);
      if (receipt) return receipt;
      if (Date.now() > end) throw new Error(`${this.name}: no block has taken ${hash} for ${RECEIPT_MS / 1000} s`);
      await sleep(20);
    }
  }

  balance() {
    return this.wallet.provider.getBalance(this.address);
  }
}

export class Chain {
  static async connect(url) {
    const chain = new Chain();
    chain.provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 50, cacheTimeout: -1 });
    chain.parties = DEV_KEYS.map((key, i) => new Party(NAMES[i], new ethers.Wallet(key, chain.provider)));
    chain.artifact = contracts().Bond;
    chain.interface = new ethers.Interface(chain.artifact.abi);
    chain.canTravel = await chain.provider.send('evm_increaseTime', [0]).then(
      () => true,
      () => false,
    );
    chain.pace = chain.canTravel ? LONG : SHORT;
    return chain;
  }

  close() {
    this.provider.destroy();
  }

  async now() {
    return (await this.provider.getBlock('latest')).timestamp;
  }

  // Until the latest block is not before this second.
  async until(second) {
    if ((await this.now()) >= second) return;
    if (this.canTravel) {
      await this.provider.send('evm_setNextBlockTimestamp', [second]);
      await this.provider.send('evm_mine', []);
    }
    while (Date.now() < second * 1000 && !this.canTravel) await sleep(50);
    // Some chains make a block only when there is something to put into it.
    while ((await this.now()) < second) {
      await this.parties.at(-1).send({ to: this.parties.at(-1).address });
      await sleep(50);
    }
  }

  // Terms of a bond that is offered from now on.
  async terms(changes = {}) {
    // A chain that has been idle for long is behind; its next block is not.
    const start = this.canTravel ? await this.now() : Math.max(await this.now(), Math.floor(Date.now() / 1000));
    const { funding, issuing, period } = this.pace;
    return {
      price: ethers.parseEther('0.1'),
      coupon: ethers.parseEther('0.002'),
      goal: 100n,
      cap: 150n,
      leastPurchase: 5n,
      mostHeld: 80n,
      coupons: 3n,
      period: BigInt(period),
      fundingEnds: BigInt(start + funding),
      issueEnds: BigInt(start + funding + issuing),
      ...changes,
    };
  }

  deployment(terms) {
    const factory = new ethers.ContractFactory(this.interface, this.artifact.bytecode);
    return factory.getDeployTransaction(terms);
  }

  async deploy(issuer, terms) {
    const receipt = await issuer.send(await this.deployment(terms));
    assert.equal(receipt.status, 1, 'the bond is deployed');
    return new Bond(this, receipt.contractAddress, terms);
  }
}

export class Bond {
  constructor(chain, address, terms) {
    Object.assign(this, { chain, address, terms });
    this.read = new ethers.Contract(address, chain.interface, chain.provider);
  }

  request(step, args = [], value = 0n) {
    return { to: this.address, data: this.chain.interface.encodeFunctionData(step, args), value };
  }

  // A step that must succeed; returns its receipt.
  async take(party, step, args = [], value = 0n) {
    const receipt = await party.send(this.request(step, args, value));
    assert.equal(receipt.status, 1, `${party.name}: ${step}`);
    return receipt;
  }

  money() {
    return this.chain.provider.getBalance(this.address);
  }
}

// Runs main(url, log) if the script was called; --url names the node.
export async function script(meta, main) {
  if (process.argv[1] !== meta.filename) return;
  const at = process.argv.indexOf('--url');
  const url = at < 0 ? 'http://127.0.0.1:8545' : process.argv[at + 1];
  try {
    await main(url, console.log);
  } catch (error) {
    console.error(`${error.message}\n(node: ${url})`);
    process.exitCode = 1;
  }
}
