// A cluster as its operators and clients see it: made, started, asked, hurt and stopped with the commands of the manual.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { devKeys, launchGantry, runGantry, temporaryFolder, until } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { freePorts } from './support/ports.mjs';
import { rpc } from './support/rpc.mjs';

const { JsonRpcProvider, Wallet, keccak256 } = load('ethers');

const COUNT = 4;
const WAIT_MS = 120_000;

const children = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

class Cluster {
  // args: of gantry cluster, beside folder and ports.
  constructor(args) {
    this.folder = temporaryFolder();
    this.out = path.join(this.folder, 'cluster');
    this.args = args;
  }

  // Starts it, and waits until all are connected. A folder that holds a cluster is run as it is.
  async start() {
    this.ports ??= await freePorts((COUNT + 1) * 10);
    this.nodes = Array.from({ length: COUNT }, (_, i) => rpc(this.url(i)));
    const [rpcPort, ingestPort, p2pPort] = [0, 5, 6].map((offset) => String(this.ports + offset));
    const where = ['--out', this.out, '--rpc-port', rpcPort, '--ingest-port', ingestPort, '--p2p-port', p2pPort];
    this.process = launchGantry('cluster', ['--validators', String(COUNT), ...where, ...this.args], { bare: true });
    for (let i = 0; i < COUNT; i++) await this.until(`node ${i} is connected`, () => this.isConnected(i));
  }

  // Polls until `probe` gives something true. Says what the nodes said when it gives up.
  async until(what, probe) {
    try {
      return await until(what, probe, WAIT_MS);
    } catch (error) {
      throw new Error(`${error.message}\n${this.process.output}`);
    }
  }

  folderOf(i) {
    return path.join(this.out, `validator-${i}`);
  }

  url(i) {
    return `http://127.0.0.1:${this.ports + 10 * i}`;
  }

  // What node i answers; null while it does not.
  ask(i, method, ...params) {
    return this.nodes[i](method, ...params).catch(() => null);
  }

  async isConnected(i) {
    const peers = (await this.ask(i, 'gantry_peers')) ?? [];
    return peers.filter((peer) => peer.role === 'validator' && peer.connected).length === COUNT - 1;
  }

  async mode(i) {
    return (await this.ask(i, 'gantry_consensus'))?.mode;
  }

  // A command in the folder of validator i.
  run(i, command, ...args) {
    const prefix = ['env', '-C', this.folderOf(i)];
    return launchGantry(command, ['--config', 'node.conf', ...args], { bare: true, prefix });
  }

  // A transfer of dev account `key`, sent to node i; its hash.
  async send(i, key, nonce) {
    const provider = new JsonRpcProvider(this.url(i), 31337, { staticNetwork: true });
    const fees = { gasLimit: 21_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 10n ** 9n };
    const fields = { to: `0x${'ab'.repeat(20)}`, value: 5n, nonce, ...fees };
    const { hash } = await new Wallet(devKeys[key], provider).sendTransaction(fields);
    provider.destroy();
    return hash;
  }

  receipt(i, hash) {
    return this.until(`a receipt on node ${i}`, () => this.ask(i, 'eth_getTransactionReceipt', hash));
  }
}

describe('a cluster of four', { timeout: 500_000 }, () => {
  const cluster = new Cluster(['--shards', '1']);
  const { folder, out } = cluster;
  const genesis = path.join(out, 'genesis.json');
  const ask = cluster.ask.bind(cluster);
  const send = cluster.send.bind(cluster);
  const receiptOn = cluster.receipt.bind(cluster);
  const folderOf = cluster.folderOf.bind(cluster);

  before(() => cluster.start());
  after(() => cluster.process?.stop('SIGKILL'));

  test('says what is where', () => {
    for (let i = 0; i < COUNT; i++) assert.match(cluster.process.output, new RegExp(`validator-${i} \\| gantry is up`));
    assert.match(cluster.process.output, /4 nodes in .*cluster; stop them with Ctrl-C/);
  });

  test('takes transactions anywhere and shows the same everywhere', async () => {
    for (let i = 0; i < COUNT; i++) {
      const hash = await send(i, i, 0);
      const first = await receiptOn(i, hash);
      assert.equal(first.status, '0x1');
      for (let j = 0; j < COUNT; j++) assert.deepEqual(await receiptOn(j, hash), first);
      const block = await ask(0, 'eth_getBlockByNumber', first.blockNumber, true);
      for (let j = 1; j < COUNT; j++) assert.deepEqual(await ask(j, 'eth_getBlockByHash', block.hash, true), block);
    }
    const [final, safe, latest] = await Promise.all(
      ['finalized', 'safe', 'latest'].map((tag) => ask(1, 'eth_getBlockByNumber', tag, false)),
    );
    assert.deepEqual(final, latest);
    assert.deepEqual(safe, latest);
  });

  // The certificate of a block as a file, asked for until it states the result.
  const certificateOf = async (i, hash) => {
    const proof = await cluster.until('the block has a certificate', async () => {
      const got = await ask(i, 'gantry_certificate', hash);
      const file = path.join(folder, 'proof.json');
      if (!got) return null;
      writeFileSync(file, JSON.stringify(got));
      const done = runGantry(['verify-certificate', '--genesis', genesis, file]);
      return done.status === 0 ? got : null;
    });
    return proof;
  };
  const verify = (proof, ...args) => {
    const file = path.join(folder, 'proof.json');
    writeFileSync(file, JSON.stringify(proof));
    return runGantry(['verify-certificate', '--genesis', genesis, ...args, file]);
  };
  const flip = (text, at) => text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1);

  test('proves that blocks are final, to whom has the genesis alone', async () => {
    const { blockHash, blockNumber } = await receiptOn(0, await send(0, 4, 0));
    for (let i = 0; i < COUNT; i++) {
      const proof = await certificateOf(i, blockHash);
      const done = verify(proof, '--block', blockHash);
      assert.equal(done.status, 0, done.stderr);
      assert.match(done.stdout, new RegExp(`^block ${Number(blockNumber)}, ${blockHash}: the block is final`));
    }
    const proof = await certificateOf(2, blockHash);
    const last = proof.ordering.length - 1;
    const wrong = [
      ['--block', (p) => p, /the proof is of another block/, `0x${'11'.repeat(32)}`],
      [null, (p) => (p.executed[0] = flip(p.executed[0], 100)), /says nothing of|say nothing of|malformed|no chain/],
      [null, (p) => (p.ordering[0] = flip(p.ordering[0], 100)), /no chain|not of the last ordering header/],
      [null, (p) => (p.ordering[last] = flip(p.ordering[last], 400)), /not of the last ordering|another validator set/],
      [null, (p) => (p.certificate.view = '0xffffff'), /not of the last ordering header/],
      [null, (p) => (p.certificate.kind = 'notarize'), /does not finalize/],
      [null, (p) => (p.certificate.signatures[1] = flip(p.certificate.signatures[1], 70)), /a signature is wrong/],
      [null, (p) => p.certificate.signers.pop() && p.certificate.signatures.pop() && p.certificate.signers.pop() &&
        p.certificate.signatures.pop(), /no quorum/],
      [null, (p) => p.certificate.signatures.pop(), /malformed: .*signers and/],
      [null, (p) => delete p.ordering, /malformed: .*"ordering" is missing/],
    ];
    for (const [option, change, words, value] of wrong) {
      const changed = structuredClone(proof);
      change(changed);
      const done = option ? verify(changed, option, value) : verify(changed);
      assert.equal(done.status, 1, `taken: ${change}`);
      assert.match(done.stderr, words);
    }
    const other = path.join(folder, 'other');
    assert.equal(runGantry(['init', '--validators', '4', '--dev-accounts', '--out', other]).status, 0);
    const done = runGantry(['verify-certificate', '--genesis', path.join(other, 'genesis.json'), path.join(folder, 'proof.json')]);
    assert.equal(done.status, 1);
  });

  test('tells operators of validators, peers and consensus', async () => {
    const { validators, quorum, own } = await ask(3, 'gantry_validators');
    assert.equal(validators.length, COUNT);
    assert.deepEqual([quorum, own], [3, 3]);
    const peers = await ask(3, 'gantry_peers');
    assert.deepEqual(peers.map((peer) => peer.name).sort(), ['validator-0', 'validator-1', 'validator-2']);
    assert.ok(peers.every((peer) => peer.connected && peer.control.bytesIn > 0));
    assert.equal(await ask(3, 'net_peerCount'), '0x3');
    const before = await ask(3, 'gantry_consensus');
    assert.equal(before.mode, 'voting');
    assert.equal(before.lanes.length, COUNT);
    await cluster.until('a further final block', async () => (await ask(3, 'gantry_consensus')).floor.height > before.floor.height);
    const metrics = await (await fetch(`http://127.0.0.1:${cluster.ports + 30}/metrics`)).text();
    assert.match(metrics, /\ngantry_voting 1\n/);
    assert.match(metrics, /\ngantry_peer_connections\{peer="validator-0",channel="control"\} 1\n/);
  });

  test('counts what an owner ordered in vain, the same everywhere', async () => {
    const wallet = new Wallet(devKeys[7]);
    const fees = { gasLimit: 21_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 10n ** 9n };
    const fields = { to: `0x${'cd'.repeat(20)}`, value: 1n, chainId: 31337, type: 2, ...fees };
    const wasted = async (i) => (await ask(i, 'gantry_consensus')).lanes.map((lane) => lane.wastedBytes);
    let nonce = 0;
    // Each transaction goes to all at once, until two owners had the same in their cars.
    await cluster.until('a transaction was ordered twice', async () => {
      const raw = await wallet.signTransaction({ ...fields, nonce: nonce++ });
      await Promise.all(Array.from({ length: COUNT }, (_, i) => ask(i, 'eth_sendRawTransaction', raw)));
      await receiptOn(0, keccak256(raw));
      return (await wasted(0)).some((bytes) => bytes > 0);
    });
    await cluster.until('all have counted the same', async () => {
      const all = await Promise.all(Array.from({ length: COUNT }, (_, i) => wasted(i)));
      return new Set(all.map(String)).size === 1;
    });
    assert.equal(BigInt(await ask(3, 'eth_getTransactionCount', wallet.address, 'latest')), BigInt(nonce));
  });

  test('lets no second node use a folder or a key', async () => {
    const second = cluster.run(1, 'node');
    assert.equal((await second.ended).code, 1);
    assert.match(second.output, /is in use by process/);
    const recover = cluster.run(1, 'recover');
    assert.equal((await recover.ended).code, 1);
    assert.match(recover.output, /is in use by process/);
    const copy = cluster.run(1, 'node', '--data', path.join(folder, 'twin'), '--rpc-port', '0', '--ingest-port', '0');
    assert.equal((await copy.ended).code, 1);
    assert.match(copy.output, /another process signs with the key/);
  });

  test('goes on without one, which comes back', async () => {
    const pids = children(cluster.process.pid);
    assert.equal(pids.length, COUNT);
    process.kill(pids[2], 'SIGKILL');
    await cluster.until('its end is reported', () => /validator-2 ended: killed by signal 9/.test(cluster.process.output));
    const hash = await send(1, 5, 0);
    const receipt = await receiptOn(1, hash);
    const again = await cluster.run(2, 'node').ready();
    assert.deepEqual(await receiptOn(2, hash), receipt);
    await cluster.until('it votes', async () => (await cluster.mode(2)) === 'voting');
    assert.deepEqual(await again.stop(), { code: 0, signal: null });
  });

  test('stops together', async () => {
    const pids = children(cluster.process.pid);
    const end = await cluster.process.stop('SIGINT');
    assert.equal(end.code, 1, 'one had ended by itself');
    assert.match(cluster.process.output, /1 of 4 nodes ended by themselves/);
    assert.ok(pids.every((pid) => !isAlive(pid)));
  });

  test('does not vote after a lost log until it is told to recover', async () => {
    rmSync(path.join(folderOf(1), 'data'), { recursive: true });
    const refused = cluster.run(1, 'node');
    assert.equal((await refused.ended).code, 1);
    assert.match(refused.output, /`gantry recover` goes on without voting/);
    const guard = path.join(folderOf(3), 'sign-guard');
    renameSync(guard, `${guard}.away`);
    const guardless = cluster.run(3, 'node');
    assert.equal((await guardless.ended).code, 1);
    assert.match(guardless.output, /sign-guard is missing/);
    renameSync(`${guard}.away`, guard);

    const recover = cluster.run(1, 'recover');
    assert.equal((await recover.ended).code, 0, recover.output);
    assert.ok(!readdirSync(path.join(folderOf(1), 'data')).includes('ordering'));
    await cluster.start();
    const hash = await send(0, 6, 0);
    const receipt = await receiptOn(0, hash);
    assert.deepEqual(await receiptOn(1, hash), receipt);
    const { mode, counts } = await ask(1, 'gantry_consensus');
    assert.equal(mode, 'recovering');
    assert.deepEqual(counts.votes, { notarize: 0, nullify: 0, finalize: 0 });
    assert.equal((await cluster.process.stop()).code, 0, cluster.process.output);
  });
});

describe('a validator that lost its ordering log alone', { timeout: 500_000 }, () => {
  const cluster = new Cluster(['--shards', '1', '--epoch-blocks', '40']);

  before(() => cluster.start());
  after(() => cluster.process?.stop('SIGKILL'));

  test('follows with what it has executed, restarted meanwhile too, and votes again two epochs on', async () => {
    const first = await cluster.receipt(1, await cluster.send(0, 0, 0));
    assert.equal((await cluster.process.stop()).code, 0);
    rmSync(path.join(cluster.folderOf(1), 'data/ordering'), { recursive: true });
    const recover = cluster.run(1, 'recover');
    assert.equal((await recover.ended).code, 0, recover.output);
    await cluster.start();
    const second = await cluster.receipt(1, await cluster.send(1, 1, 0));
    assert.notEqual((await cluster.ask(1, 'gantry_consensus')).votesFromEpoch, 0);
    assert.equal((await cluster.process.stop()).code, 0, cluster.process.output);
    await cluster.start();
    await cluster.until('it votes', async () => (await cluster.mode(1)) === 'voting');
    const third = await cluster.receipt(1, await cluster.send(1, 2, 0));
    // The others are a quorum without it, so a view may be over before it votes.
    let nonce = 3;
    await cluster.until(
      'a vote of its own',
      async () => {
        await cluster.receipt(1, await cluster.send(1, nonce++, 0));
        const { epoch, counts } = await cluster.ask(1, 'gantry_consensus');
        assert.ok(epoch >= 2);
        return counts.votes.notarize > 0;
      },
    );
    for (const receipt of [first, second, third]) {
      for (let i = 0; i < COUNT; i++) assert.deepEqual(await cluster.receipt(i, receipt.transactionHash), receipt);
    }
    assert.equal((await cluster.process.stop()).code, 0, cluster.process.output);
  });
});

describe('a node without a vote', { timeout: 500_000 }, () => {
  const cluster = new Cluster(['--shards', '1', '--followers', '1']);
  const url = () => `http://127.0.0.1:${cluster.ports + 10 * COUNT}`;

  before(() => cluster.start());
  after(() => cluster.process?.stop('SIGKILL'));

  test('follows, serves, hands on, proves, and is counted in no quorum', async () => {
    const follower = rpc(url());
    const receipt = await cluster.receipt(2, await cluster.send(0, 0, 0));
    const seen = await cluster.until('the follower shows it', () =>
      follower('eth_getTransactionReceipt', receipt.transactionHash).catch(() => null));
    assert.deepEqual(seen, receipt);
    const handed = await cluster.receipt(1, await cluster.send(COUNT, 0, 1));
    assert.equal(handed.status, '0x1');
    assert.deepEqual(await cluster.until('the follower shows its own', () =>
      follower('eth_getTransactionReceipt', handed.transactionHash).catch(() => null)), handed);
    const { mode, own, counts } = await follower('gantry_consensus');
    assert.deepEqual([mode, own, counts.votes.notarize], ['following', null, 0]);
    assert.equal((await follower('gantry_validators')).own, null);
    const peers = await cluster.ask(0, 'gantry_peers');
    assert.ok(peers.some((peer) => peer.role === 'follower' && peer.connected));
    const proof = path.join(cluster.folder, 'proof.json');
    await cluster.until('it proves the block', async () => {
      const got = await follower('gantry_certificate', receipt.blockHash).catch(() => null);
      writeFileSync(proof, JSON.stringify(got));
      const args = ['--genesis', path.join(cluster.out, 'genesis.json'), '--block', receipt.blockHash, proof];
      return got && runGantry(['verify-certificate', ...args]).status === 0;
    });
    assert.equal((await cluster.process.stop()).code, 0, cluster.process.output);
  });
});
