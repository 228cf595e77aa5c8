// What was promised survives: killed at any moment under load, a node comes back with every receipt that it ever
// showed, and goes on. What can't be carried out is refused in words, and damages nothing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';

import {
  devAlloc,
  devKeys,
  launchGantry,
  runGantry,
  sleep,
  startGantry,
  temporaryFolder,
  until,
  writeGenesis,
} from './support/gantry.mjs';
import { IngestClient } from './support/ingest.mjs';
import { load } from './support/packages.mjs';
import { freePorts } from './support/ports.mjs';
import { Random } from './support/random.mjs';
import { rpc } from './support/rpc.mjs';

const { createTx } = load('@ethereumjs/tx');
const { createCustomCommon, Hardfork, Mainnet } = load('@ethereumjs/common');
const { bytesToHex, hexToBytes, privateToAddress } = load('@ethereumjs/util');

const ROUNDS = 50;
const TIMEOUT = { timeout: 280_000 };
// Small segments and checkpoints all the time, so that kills hit their making too.
const RESTLESS = [
  '--block-time',
  '1ms',
  '--checkpoint-interval',
  '100ms',
  '--checkpoint-records',
  '1000',
  '--segment-bytes',
  '1M',
];

const common = createCustomCommon({ chainId: 31337 }, Mainnet, { hardfork: Hardfork.Cancun });

// Transfers of one sender, signed when first asked for: the same nonce is always the same transaction.
class Sender {
  #raws = [];

  // fat: with an access list that makes each some 3 KiB.
  constructor(key, fat) {
    this.fat = fat;
    this.key = hexToBytes(key);
    this.address = bytesToHex(privateToAddress(this.key));
  }

  transfer(nonce) {
    const make = () => {
      const to = Buffer.alloc(20, 7);
      to.writeUInt32BE(nonce % 5000, 0);
      const accessList = this.fat ? [[to, Array(90).fill(Buffer.alloc(32))]] : [];
      const gasLimit = this.fat ? 250_000 : 21_000;
      return createTx({ type: 1, nonce, to, value: 1n, gasLimit, gasPrice: 10n ** 10n, accessList }, { common });
    };
    return (this.#raws[nonce] ??= make().sign(this.key).serialize());
  }
}

// A chain as its clients know it: everything that it has shown them.
class Witness {
  constructor({ fat = false } = {}) {
    this.senders = devKeys.map((key) => new Sender(key, fat));
    this.shown = new Map(); // transaction hash -> block hash
    this.head = 0; // the last block whose receipts were seen
  }

  // Offers transfers without a pause until the connection breaks.
  async load(node, { perSender = 4, pauseMs = 8 } = {}) {
    const call = rpc(node.url);
    try {
      const ingest = await IngestClient.connect(node.ingestPort);
      const nonces = await call.batch(this.senders.map((s) => ['eth_getTransactionCount', s.address, 'latest']));
      for (let step = 0; ; step++) {
        const wave = this.senders.flatMap((sender, i) =>
          Array.from({ length: perSender }, (_, j) => sender.transfer(Number(nonces[i]) + step * perSender + j)),
        );
        await Promise.all(wave.map((raw) => ingest.send(raw)));
        await sleep(pauseMs);
      }
    } catch (error) {
      return error;
    }
  }

  // Notes what the node shows until it is gone.
  async watch(node) {
    const call = rpc(node.url);
    try {
      for (;;) {
        await this.#look(call, Number(await call('eth_blockNumber')));
        await sleep(3);
      }
    } catch (error) {
      return error;
    }
  }

  async #look(call, head) {
    for (; this.head < head; this.head++) {
      for (const receipt of await call('eth_getBlockReceipts', `0x${(this.head + 1).toString(16)}`))
        this.shown.set(receipt.transactionHash, receipt.blockHash);
    }
  }

  // Every receipt ever shown is still there, in the same block.
  async check(node) {
    const call = rpc(node.url);
    const head = Number(await call('eth_blockNumber'));
    assert.ok(head >= this.head, `block ${this.head} was shown, now the head is ${head}`);
    const shown = [...this.shown];
    for (let i = 0; i < shown.length; i += 1000) {
      const part = shown.slice(i, i + 1000);
      const receipts = await call.batch(part.map(([hash]) => ['eth_getTransactionReceipt', hash]));
      part.forEach(([hash, blockHash], j) => assert.equal(receipts[j]?.blockHash, blockHash, `receipt of ${hash}`));
    }
    await this.#look(call, head);
  }

  // The chain goes on.
  async include(node, timeout = 10_000) {
    const call = rpc(node.url);
    const sender = this.senders[0];
    const nonce = Number(await call('eth_getTransactionCount', sender.address, 'pending'));
    const hash = await call('eth_sendRawTransaction', bytesToHex(sender.transfer(nonce)));
    const receipt = await until('it is included', () => call('eth_getTransactionReceipt', hash), timeout);
    this.shown.set(hash, receipt.blockHash);
  }
}

function newChain(options) {
  const folder = temporaryFolder();
  const { file, genesis } = writeGenesis(folder, options);
  const data = path.join(folder, 'data');
  return { folder, genesis, data, args: ['--data', data, '--genesis', file, ...RESTLESS] };
}

test(`${ROUNDS} times killed under load, at random moments`, TIMEOUT, async () => {
  const random = new Random('kills');
  const witness = new Witness();
  const { data, args } = newChain();
  for (let round = 0; round < ROUNDS; round++) {
    if (random.chance(0.1)) {
      // While it starts.
      const starting = launchGantry('node', args);
      await sleep(random.below(40));
      await starting.stop('SIGKILL');
    }
    const node = await startGantry('node', args);
    await witness.check(node);
    const busy = [witness.load(node), witness.watch(node)];
    await sleep(random.below(300));
    assert.deepEqual(await node.stop('SIGKILL'), { code: null, signal: 'SIGKILL' }, node.output);
    await Promise.all(busy);
  }
  const node = await startGantry('node', args);
  await witness.check(node);
  await witness.include(node);
  const busy = [witness.load(node), witness.watch(node)];
  await sleep(200);
  assert.deepEqual(await node.stop('SIGTERM'), { code: 0, signal: null }, node.output);
  await Promise.all(busy);
  const again = await startGantry('node', args);
  await witness.check(again);
  assert.equal((await again.stop()).code, 0);
  console.log(`kills: ${witness.shown.size} receipts in ${witness.head} blocks`);
  assert.ok(witness.shown.size > 1000);

  const replay = runGantry(['replay', '--data', data]);
  assert.equal(replay.status, 0, replay.stderr);
  const log = path.join(data, 'log');
  for (const name of readdirSync(log)) rmSync(path.join(log, name));
  const lost = runGantry(['replay', '--data', data]);
  assert.equal(lost.status, 1, lost.stdout);
  assert.match(lost.stderr, /the block log ends at block 0, but the checkpoint is of block \d+/);
  assert.deepEqual(readdirSync(log), [], 'no new log takes the place of the lost one');
});

describe('told to stop while it starts, it ends as one that ran', TIMEOUT, () => {
  const TRIES = 3; // whenever the moment is missed, the node is up, and stops all the same
  const stops = async (node, moment) => {
    while (!(await moment())) await sleep(0);
    assert.deepEqual(await node.stop(), { code: 0, signal: null }, node.output);
  };
  const connects = (port) =>
    new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
      socket.unref();
    });

  for (let round = 0; round < TRIES; round++) {
    test(`with its folder just made, ${round}`, async () => {
      const { data, args } = newChain();
      await stops(launchGantry('node', args), () => existsSync(data));
      const node = await startGantry('node', args);
      assert.equal((await node.stop()).code, 0);
    });

    test(`with its port just open, ${round}`, async () => {
      const port = await freePorts(1);
      const ports = ['--rpc-port', String(port), '--ingest-port', '0'];
      await stops(launchGantry('node', [...newChain().args, ...ports], { bare: true }), () => connects(port));
    });

    test(`a temporary chain leaves nothing, ${round}`, async () => {
      const folder = temporaryFolder();
      const node = launchGantry('dev', [], { prefix: ['env', `TMPDIR=${folder}`] });
      await stops(node, () => readdirSync(folder).length > 0);
      assert.deepEqual(readdirSync(folder), []);
    });
  }
});

describe('refusals to start', TIMEOUT, () => {
  const refused = async (args, pattern) => {
    const node = launchGantry('node', args);
    const end = await node.ended;
    assert.equal(end.code, 1, node.output);
    const [line] = node.output.split('\n').filter((text) => text.startsWith('gantry node: '));
    assert.match(line ?? node.output, pattern);
  };

  test('a second instance on the same folder', async () => {
    const { args } = newChain();
    const node = await startGantry('node', args);
    await refused(args, new RegExp(`(in use|locked|held).*${node.pid}`));
    await new Witness().include(node);
    assert.equal((await node.stop()).code, 0);
  });

  test("another chain's genesis", async () => {
    const { data, args } = newChain();
    assert.equal((await (await startGantry('node', args)).stop()).code, 0);
    const other = newChain({ gasLimit: '0x1000000' });
    await refused(['--data', data, '--genesis', path.join(other.folder, 'genesis.json')], /genesis|another chain/);
  });

  test('a folder that is something else', async () => {
    const { args, data } = newChain();
    mkdirSync(data);
    writeFileSync(path.join(data, 'letters.txt'), 'dear reader');
    await refused(args, /not empty|not a data folder/);
  });

  test('a folder without a chain and no genesis', async () => {
    await refused(['--data', path.join(temporaryFolder(), 'data')], /genesis/);
  });

  const damaged = async (damage, pattern) => {
    const { args, data } = newChain();
    assert.equal((await (await startGantry('node', args)).stop()).code, 0);
    damage(data);
    const examined = runGantry(['doctor', '--data', data]);
    assert.equal(examined.status, 1, examined.stdout);
    assert.match(examined.stdout + examined.stderr, pattern);
    const end = runGantry(['node', '--rpc-port', '0', '--ingest-port', '0', '--data', data]);
    assert.equal(end.status, 1, end.stderr);
    assert.match(end.stderr, pattern);
    return { args, data };
  };

  test('a state that is cut short', async () => {
    const { args, data } = await damaged((folder) => truncateSync(path.join(folder, 'state/data.mdb'), 8192), /\/state\/data\.mdb/);
    rmSync(path.join(data, 'state'), { recursive: true });
    const node = await startGantry('node', args);
    await new Witness().include(node);
    assert.equal((await node.stop()).code, 0);
  });

  test('a damaged identity', async () => {
    await damaged((folder) => truncateSync(path.join(folder, 'identity'), 100), /identity is not a gantry data folder identity/);
  });

  test('a genesis that was cut short, until it is named again', async () => {
    const { args } = await damaged((folder) => truncateSync(path.join(folder, 'genesis.json'), 100), /genesis\.json/);
    assert.equal((await (await startGantry('node', args)).stop()).code, 0);
  });

  test('a cluster that the genesis does not name', async () => {
    await refused([...newChain().args, '--peers', 'validator-1@127.0.0.1:8561'], /peers.*no validators/);
  });

  test('a port that is taken', async () => {
    const { args } = newChain();
    const node = await startGantry('dev');
    const end = runGantry(['node', '--rpc-port', String(node.rpcPort), '--ingest-port', '0', ...args]);
    assert.equal(end.status, 1);
    assert.match(end.stderr, new RegExp(`port ${node.rpcPort}.*in use`));
    assert.equal((await node.stop()).code, 0);
  });
});

// A small file system of its own, in a mount namespace that ends with the process that holds it.
class SmallDisk {
  static async create(folder, megabytes) {
    const disk = new SmallDisk();
    const asUser = process.getuid() === 0 ? [] : ['-r'];
    const script = `mount -t tmpfs -o size=${megabytes}m tmpfs "$1" && echo mounted && exec sleep 600`;
    disk.holder = spawn('setpriv', [
      '--pdeathsig',
      'KILL',
      'unshare',
      ...asUser,
      '-m',
      'sh',
      '-c',
      script,
      'sh',
      folder,
    ]);
    const [text] = await Promise.race([once(disk.holder.stdout, 'data'), once(disk.holder, 'exit')]);
    return String(text) === 'mounted\n' ? disk : null;
  }

  // The prefix that runs a command where the disk is mounted.
  get enter() {
    const asUser = process.getuid() === 0 ? [] : ['-U', '--preserve-credentials'];
    return ['nsenter', '-t', String(this.holder.pid), '-m', ...asUser, '--'];
  }

  path(folder) {
    return path.join(`/proc/${this.holder.pid}/root`, folder);
  }

  close() {
    this.holder.kill('SIGKILL');
  }
}

describe('a full disk ends in a clear stop, and the folder opens again', TIMEOUT, () => {
  // Fills the disk by load; returns when the node has ended by itself.
  const fill = async (node, witness) => {
    const busy = [witness.load(node, { perSender: 10, pauseMs: 0 }), witness.watch(node)];
    const end = await Promise.race([node.ended, sleep(60_000)]);
    if (!end) await node.stop('SIGKILL');
    await Promise.all(busy);
    assert.deepEqual(end, { code: 1, signal: null }, node.output);
    return node.output;
  };

  // Whoever writes first when the ballast lies on the disk is who stops.
  const fullDisk = async (t, { before = () => {}, after = () => {} }) => {
    const { args, data } = newChain();
    mkdirSync(data);
    const disk = await SmallDisk.create(data, 8);
    if (!disk) return t.skip('this user may not mount a file system');
    const witness = new Witness({ fat: true });
    const withDisk = ['--data', path.join(data, 'chain'), ...args.slice(2)];
    const ballast = path.join(disk.path(data), 'ballast');
    before(ballast);
    const filling = await startGantry('node', withDisk, { prefix: disk.enter });
    after(ballast);
    assert.match(await fill(filling, witness), /: No space left on device; free space/);
    rmSync(ballast);
    const node = await startGantry('node', withDisk, { prefix: disk.enter });
    await witness.check(node);
    await witness.include(node);
    assert.equal((await node.stop()).code, 0);
    disk.close();
  };

  test('no space left on the file system', (t) =>
    fullDisk(t, { before: (ballast) => writeFileSync(ballast, Buffer.alloc(4 << 20)) }));

  // Mostly it is LMDB's write that ends short then, which it says is an input/output error.
  test('some pages left, fewer than a checkpoint has', (t) =>
    fullDisk(t, {
      after: (ballast) => {
        const { bavail, bsize } = statfsSync(path.dirname(ballast));
        writeFileSync(ballast, Buffer.alloc((bavail - 2) * bsize));
      },
    }));

  test('files may not grow further', async () => {
    // The log's segments fit; the checkpoint of so many accounts has little room.
    const alloc = { ...devAlloc };
    for (let i = 1; i <= 30_000; i++) alloc[`0x${(i * 1000).toString(16).padStart(40, '0')}`] = { balance: '0x1' };
    const { args, data } = newChain({ alloc });
    assert.equal((await (await startGantry('node', args)).stop()).code, 0);
    const { size } = statSync(path.join(data, 'state/data.mdb'));
    assert.ok(size > 1 << 20, String(size));
    const witness = new Witness();
    const limited = await startGantry('node', args, { prefix: ['prlimit', `--fsize=${size + 65536}`] });
    assert.match(
      await fill(limited, witness),
      /cannot write the state checkpoint at block \d+: (File too large|Input\/output error)/,
    );
    const node = await startGantry('node', args);
    await witness.check(node);
    await witness.include(node);
    assert.equal((await node.stop()).code, 0);
  });
});
