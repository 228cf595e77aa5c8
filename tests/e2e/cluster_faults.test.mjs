// Four validators on machines of their own, under clients that never stop, while machines are killed, paused, cut off
// from one another and wiped. After each: the chain goes on, all have the same blocks, and every receipt that any node
// ever showed is still there. In the end: each nonce was used once, and the money is where the receipts say.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { devKeys, equivocatorBinary, gantryBinary, launchGantry, runGantry, sleep, temporaryFolder, until } from './support/gantry.mjs';
import { Network } from './support/network.mjs';
import { load } from './support/packages.mjs';
import { Random } from './support/random.mjs';

const { Wallet, keccak256 } = load('ethers');

const COUNT = 4;
const RPC_PORT = 8545;
const WAIT_MS = 90_000;
const ANSWER_MS = 2_000;
const PAUSE_MS = 30_000;

const network = Network.make(COUNT);

// One call to a node; undefined when there is no answer, null for an error.
async function ask(i, method, ...params) {
  try {
    const answer = await fetch(`http://${network.address(i)}:${RPC_PORT}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return (await answer.json()).result ?? null;
  } catch {
    return undefined;
  }
}

// A client with one transfer under way at a time: it gives the same one to some node again and again until some node
// shows its receipt, which is kept.
class Client {
  constructor(number, random) {
    this.wallet = new Wallet(devKeys[number]);
    this.receiver = `0x${(0xbeef00 + number).toString(16).padStart(40, '0')}`;
    Object.assign(this, { random, receipts: [], running: true });
    this.done = this.run();
  }

  async run() {
    for (let nonce = 0; this.running; nonce++) {
      const fields = { type: 2, chainId: 31337, nonce, to: this.receiver, value: 1n, gasLimit: 21_000n };
      const raw = await this.wallet.signTransaction({ ...fields, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n });
      await this.include(raw);
    }
  }

  // Whatever a node answers, or whether its answer gets here, the transaction may be included.
  async include(raw) {
    const hash = keccak256(raw);
    for (;;) {
      await ask(this.random.below(COUNT), 'eth_sendRawTransaction', raw);
      for (let tries = 0; tries < 20; tries++) {
        const receipt = await ask(this.random.below(COUNT), 'eth_getTransactionReceipt', hash);
        if (receipt) {
          this.receipts.push(receipt);
          return;
        }
        await sleep(20);
      }
      await sleep(50);
    }
  }
}

describe('four validators', { skip: network ? false : 'no right to make network namespaces here', timeout: 600_000 }, () => {
  const random = new Random('cluster faults');
  const out = path.join(temporaryFolder(), 'cluster');
  const nodes = [];
  let clients;

  const total = () => clients.reduce((sum, client) => sum + client.receipts.length, 0);
  const folder = (i) => path.join(out, `validator-${i}`);
  const launch = (i, command = 'node', binary = gantryBinary) => {
    const host = network.address(i);
    const flags = command === 'node' ? ['--rpc-host', host, '--rpc-allowed-hosts', host, '--rpc-port', `${RPC_PORT}`] : [];
    return launchGantry(command, ['--config', 'node.conf', ...flags], {
      bare: true,
      binary,
      prefix: [...network.prefix(i), 'env', '-C', folder(i)],
    });
  };
  const start = async (i, binary) => {
    nodes[i] = launch(i, 'node', binary);
    await nodes[i].ready();
  };
  const kill = async (i) => {
    nodes[i].process.kill('SIGKILL');
    await nodes[i].ended;
  };
  // Transfers that are submitted from now on come into blocks.
  const goesOn = async () => {
    const before = clients.map((client) => client.receipts.length);
    const moved = () => clients.every((client, i) => client.receipts.length >= before[i] + 2);
    await until('every client has got two more receipts', moved, WAIT_MS);
  };
  const agree = async (who = [0, 1, 2, 3]) => {
    const target = Number(await until('a height', () => ask(who[0], 'eth_blockNumber'), WAIT_MS));
    const reached = async (i) => Number((await ask(i, 'eth_blockNumber')) ?? -1) >= target;
    for (const i of who) await until(`node ${i} has block ${target}`, () => reached(i), WAIT_MS);
    for (let number = target; number > 0; number -= Math.max(1, Math.floor(number / 50))) {
      const hex = `0x${number.toString(16)}`;
      const blocks = await Promise.all(who.map((i) => ask(i, 'eth_getBlockByNumber', hex, false)));
      for (const block of blocks) assert.equal(block?.hash, blocks[0].hash, `block ${number}`);
    }
  };

  before(async () => {
    const hosts = Array.from({ length: COUNT }, (_, i) => network.address(i)).join(',');
    const done = runGantry(['init', '--validators', `${COUNT}`, '--hosts', hosts, '--dev-accounts', '--shards', '1', '--out', out]);
    assert.equal(done.status, 0, done.stderr);
    for (let i = 0; i < COUNT; i++) await start(i);
    clients = Array.from({ length: 6 }, (_, i) => new Client(i, random));
    await goesOn();
  });
  after(async () => {
    for (const client of clients ?? []) client.running = false;
    for (const node of nodes) node?.process.kill('SIGKILL');
    network.remove();
  });

  test('each is killed in turn and comes back', async () => {
    for (let i = 0; i < COUNT; i++) {
      await kill(i);
      await goesOn();
      await start(i);
      await agree();
    }
  });

  test('two are killed at once: nothing is final until they are back', async () => {
    await Promise.all([kill(1), kill(3)]);
    await sleep(1000);
    const before = await ask(0, 'eth_blockNumber');
    await sleep(2000);
    assert.equal(await ask(0, 'eth_blockNumber'), before);
    await start(3);
    await goesOn();
    await start(1);
    await goesOn();
    await agree();
  });

  test('all are killed at once', async () => {
    await Promise.all(nodes.map((_, i) => kill(i)));
    await Promise.all(nodes.map((_, i) => start(i)));
    await goesOn();
    await agree();
  });

  test('a cut in the middle stops the chain until it heals', async () => {
    network.cut([2, 3]);
    await sleep(1000);
    const before = await ask(0, 'eth_blockNumber');
    await sleep(2000);
    assert.equal(await ask(0, 'eth_blockNumber'), before);
    network.heal();
    await goesOn();
    await agree();
  });

  test('three go on without one that is cut off, which catches up', async () => {
    network.cut([3]);
    await goesOn();
    network.heal();
    await agree();
    await goesOn();
  });

  test('one that is paused for half a minute catches up', async () => {
    nodes[2].process.kill('SIGSTOP');
    await goesOn();
    await sleep(PAUSE_MS);
    nodes[2].process.kill('SIGCONT');
    await agree();
    await goesOn();
  });

  // Whom a node has accused since its start, each once.
  const accused = (i) => [...new Set([...nodes[i].output.matchAll(/evidence of misbehaviour offender=(\S+)/g)].map((m) => m[1]))];

  test('one that signs two things at a time is found out, and nobody else', async () => {
    await kill(1);
    await start(1, equivocatorBinary);
    await goesOn();
    for (const i of [0, 2, 3]) {
      await until(`node ${i} has evidence`, () => accused(i).length > 0, WAIT_MS);
      assert.deepEqual(accused(i), ['validator-1']);
    }
    await goesOn();
    await agree();
    await kill(1);
    await start(1);
    await goesOn();
    await agree();
  });

  test('one that lost its data follows without voting', async () => {
    await kill(3);
    rmSync(path.join(folder(3), 'data'), { recursive: true });
    const refused = launch(3);
    assert.notEqual((await refused.ended).code, 0);
    assert.match(refused.output, /gantry recover/);
    const recovered = launch(3, 'recover');
    assert.equal((await recovered.ended).code, 0, recovered.output);
    await start(3);
    await goesOn();
    await agree();
    assert.equal((await ask(3, 'gantry_consensus')).mode, 'recovering');
  });

  test('every receipt that was ever shown is there, and each nonce was used once', async () => {
    for (const client of clients) client.running = false;
    await Promise.all(clients.map((client) => client.done));
    console.log(`${total()} transfers`);
    await agree();
    for (const client of clients) {
      const count = client.receipts.length;
      for (let i = 0; i < COUNT; i++) {
        assert.equal(Number(await ask(i, 'eth_getTransactionCount', client.wallet.address, 'latest')), count);
        assert.equal(BigInt(await ask(i, 'eth_getBalance', client.receiver, 'latest')), BigInt(count));
      }
      for (const receipt of client.receipts) {
        const i = random.below(COUNT);
        assert.deepEqual(await ask(i, 'eth_getTransactionReceipt', receipt.transactionHash), receipt, `node ${i}`);
      }
    }
    for (let i = 0; i < COUNT; i++) assert.deepEqual(accused(i).filter((name) => name !== 'validator-1'), []);
  });
});
