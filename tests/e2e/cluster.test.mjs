// A cluster as its operators and clients see it: made, started, asked, hurt and stopped with the commands of the manual.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { devKeys, launchGantry, runGantry, temporaryFolder, until } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { rpc } from './support/rpc.mjs';

const { JsonRpcProvider, Wallet } = load('ethers');

const COUNT = 4;
const WAIT_MS = 60_000;

const isFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

// The first of so many free ports in a row, below those that the system gives out.
async function freePorts(count) {
  for (;;) {
    const base = 20_000 + 10 * Math.floor(Math.random() * 1_200);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(base + i)));
    if (free.every(Boolean)) return base;
  }
}

const children = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a cluster of four', { timeout: 280_000 }, () => {
  const folder = temporaryFolder();
  const out = path.join(folder, 'cluster');
  const folderOf = (i) => path.join(out, `validator-${i}`);
  const genesis = path.join(out, 'genesis.json');
  let ports, cluster, nodes;

  const start = () => {
    // A folder that holds a cluster is run as it is; ports stand in its files.
    const args = ['--validators', COUNT, '--shards', '1', '--out', out, '--rpc-port', ports, '--ingest-port', ports + 5];
    cluster = launchGantry('cluster', [...args.map(String), '--p2p-port', String(ports + 6)], { bare: true });
  };
  // What node i answers; null while it does not.
  const ask = (i, method, ...params) => nodes[i](method, ...params).catch(() => null);
  const isConnected = async (i, peers = COUNT - 1) => {
    const told = (await ask(i, 'gantry_peers')) ?? [];
    return told.filter((peer) => peer.connected).length >= peers;
  };
  const node = (i, command = 'node') =>
    launchGantry(command, ['--config', 'node.conf'], { bare: true, prefix: ['env', '-C', folderOf(i)] });

  before(async () => {
    ports = await freePorts(COUNT * 10);
    nodes = Array.from({ length: COUNT }, (_, i) => rpc(`http://127.0.0.1:${ports + 10 * i}`));
    start();
    for (let i = 0; i < COUNT; i++) await until(`node ${i} is connected`, () => isConnected(i), WAIT_MS);
  });
  after(() => cluster?.stop('SIGKILL'));

  test('says what is where', () => {
    for (let i = 0; i < COUNT; i++) assert.match(cluster.output, new RegExp(`validator-${i} \\| gantry is up`));
    assert.match(cluster.output, /4 validators in .*cluster; stop them with Ctrl-C/);
  });

  const send = async (to, key, nonce) => {
    const provider = new JsonRpcProvider(`http://127.0.0.1:${ports + 10 * to}`, 31337, { staticNetwork: true });
    const wallet = new Wallet(devKeys[key], provider);
    const fields = { to: `0x${'ab'.repeat(20)}`, value: 5n, nonce, gasLimit: 21_000n, maxFeePerGas: 10n ** 10n };
    const sent = await wallet.sendTransaction({ ...fields, maxPriorityFeePerGas: 10n ** 9n });
    provider.destroy();
    return sent.hash;
  };
  const receiptOn = (i, hash) => until(`a receipt on node ${i}`, () => ask(i, 'eth_getTransactionReceipt', hash), WAIT_MS);

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
    const proof = await until('the block has a certificate', async () => {
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
    await until('a further final block', async () => (await ask(3, 'gantry_consensus')).floor.height > before.floor.height);
    const metrics = await (await fetch(`http://127.0.0.1:${ports + 30}/metrics`)).text();
    assert.match(metrics, /\ngantry_voting 1\n/);
    assert.match(metrics, /\ngantry_peer_connections\{peer="validator-0",channel="control"\} 1\n/);
  });

  test('lets no second node use a folder or a key', async () => {
    const second = node(1);
    assert.equal((await second.ended).code, 1);
    assert.match(second.output, /is in use by process/);
    const recover = node(1, 'recover');
    assert.equal((await recover.ended).code, 1);
    assert.match(recover.output, /is in use by process/);
    const copy = launchGantry('node', ['--config', 'node.conf', '--data', path.join(folder, 'twin')], {
      prefix: ['env', '-C', folderOf(1)],
    });
    assert.equal((await copy.ended).code, 1);
    assert.match(copy.output, /another process signs with the key/);
  });

  test('goes on without one, which comes back', async () => {
    const pids = children(cluster.pid);
    assert.equal(pids.length, COUNT);
    process.kill(pids[2], 'SIGKILL');
    await until('its end is reported', () => /validator-2 ended: killed by signal 9/.test(cluster.output));
    const hash = await send(1, 5, 0);
    const receipt = await receiptOn(1, hash);
    const again = await node(2).ready();
    assert.deepEqual(await receiptOn(2, hash), receipt);
    await until('it votes', async () => (await ask(2, 'gantry_consensus'))?.mode === 'voting', WAIT_MS);
    assert.deepEqual(await again.stop(), { code: 0, signal: null });
  });

  test('stops together', async () => {
    const pids = children(cluster.pid);
    const end = await cluster.stop('SIGINT');
    assert.equal(end.code, 1, 'one had ended by itself');
    assert.match(cluster.output, /1 of 4 validators ended by themselves/);
    assert.ok(pids.every((pid) => !isAlive(pid)));
  });

  test('does not vote after a lost log until it is told to recover', async () => {
    rmSync(path.join(folderOf(1), 'data'), { recursive: true });
    const refused = node(1);
    assert.equal((await refused.ended).code, 1);
    assert.match(refused.output, /`gantry recover` goes on without voting/);
    const guard = path.join(folderOf(3), 'sign-guard');
    renameSync(guard, `${guard}.away`);
    const guardless = node(3);
    assert.equal((await guardless.ended).code, 1);
    assert.match(guardless.output, /sign-guard is missing/);
    renameSync(`${guard}.away`, guard);

    const recover = node(1, 'recover');
    assert.equal((await recover.ended).code, 0, recover.output);
    assert.ok(!readdirSync(path.join(folderOf(1), 'data')).includes('ordering'));
    start();
    for (let i = 0; i < COUNT; i++) await until(`node ${i} is connected`, () => isConnected(i), WAIT_MS);
    const hash = await send(0, 6, 0);
    const receipt = await receiptOn(0, hash);
    assert.deepEqual(await receiptOn(1, hash), receipt);
    const { mode, counts } = await ask(1, 'gantry_consensus');
    assert.equal(mode, 'recovering');
    assert.deepEqual(counts.votes, { notarize: 0, nullify: 0, finalize: 0 });
    assert.equal((await cluster.stop()).code, 0, cluster.output);
  });
});
