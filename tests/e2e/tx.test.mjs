// A transaction's way through a node, as gantry_traceTransactionPath and `gantry tx` tell it: on a node alone and in a
// cluster; of transactions that wait, left, were forgotten or never came.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { devKeys, launchGantry, runGantry, startGantry, temporaryFolder, until } from './support/gantry.mjs';
import { IngestClient } from './support/ingest.mjs';
import { load } from './support/packages.mjs';
import { freePorts } from './support/ports.mjs';
import { rpc } from './support/rpc.mjs';

const { Wallet, keccak256 } = load('ethers');

const NOBODY = `0x${'11'.repeat(32)}`;
const wallets = devKeys.map((key) => new Wallet(key));
const sign = (from, nonce, fields = {}) =>
  wallets[from].signTransaction({ type: 2, chainId: 31337, nonce, to: `0x${'ab'.repeat(20)}`, value: 5n, gasLimit: 21_000n, maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 10n ** 9n, ...fields });
const names = (way) => way.steps.map(({ step }) => step);
const stepOf = (way, name) => way.steps.find(({ step }) => step === name);

// Every step has a time, none is before the one above it, and the spans add up.
function assertInOrder(way) {
  let sum = 0;
  for (const { step, atUs, sinceUs } of way.steps) {
    assert.ok(sinceUs >= 0, `${step} is ${sinceUs} us after the step before it`);
    sum += sinceUs;
    assert.ok(Math.abs(sum - atUs) < 1 + 0.1 * way.steps.length, `${step} at ${atUs}, the spans sum to ${sum}`);
  }
}

describe('on a node alone', { timeout: 60_000 }, () => {
  let node, ask, ingest;
  const wayOf = (hash) => ask('gantry_traceTransactionPath', hash);
  // A block is seen a moment before the shards are told of it; then the paths of its transactions are whole.
  const receipt = async (hash) => {
    const found = await until('there is a receipt', () => ask('eth_getTransactionReceipt', hash));
    await until('its path is whole', async () => (await wayOf(hash)).steps.at(-1)?.step !== 'taken');
    return found;
  };

  before(async () => {
    node = await startGantry('dev', ['--shards', '2', '--block-time', '20ms', '--transaction-paths', '32']);
    ask = rpc(node.url);
    ingest = await IngestClient.connect(node.ingestPort);
  });
  after(() => {
    ingest?.close();
    return node?.stop();
  });

  test('follows a transfer over JSON-RPC from its arrival to the disk', async () => {
    const sent = Date.now();
    const hash = await ask('eth_sendRawTransaction', await sign(0, 0));
    const { blockNumber, blockHash, transactionIndex } = await receipt(hash);
    const way = await wayOf(hash);
    assert.deepEqual(names(way), ['received', 'verified', 'pooled', 'taken', 'ordered', 'begun', 'executed', 'sealed', 'durable']);
    assertInOrder(way);
    assert.deepEqual({ ...way, steps: 0, firstMs: 0 },
      { hash, status: 'included', reason: '', blockHash, blockNumber, transactionIndex, success: true, firstMs: 0, steps: 0, note: '' });
    assert.ok(way.firstMs >= sent - 1 && way.firstMs <= Date.now() + 1);
    const shardOfSender = parseInt(keccak256(wallets[0].address).slice(2, 4), 16) < 128 ? 0 : 1;
    assert.equal(stepOf(way, 'received').via, 'json-rpc');
    assert.equal(stepOf(way, 'pooled').shard, shardOfSender);
    assert.equal(stepOf(way, 'begun').block, Number(blockNumber));
    const { round, pass, shard, success } = stepOf(way, 'executed');
    assert.deepEqual({ round, pass, shard, success }, { round: 0, pass: 'senders', shard: shardOfSender, success: true });
  });

  test('says by which port it came, in which pass on which shard it was executed, and why it escaped', async () => {
    // A contract that stores how many bytes it was called with.
    const raw = await sign(1, 0, { to: null, value: 0n, data: '0x60048060095f395ff3365f5500', gasLimit: 200_000n });
    assert.deepEqual(await ingest.send(Buffer.from(raw.slice(2), 'hex')), { status: 0, text: 'ok' });
    const { contractAddress } = await receipt(keccak256(raw));
    const creation = await wayOf(keccak256(raw));
    assert.equal(stepOf(creation, 'received').via, 'ingest');
    const { pass, shard, escaped } = stepOf(creation, 'executed');
    assert.deepEqual({ pass, shard, escaped }, { pass: 'global', shard: null, escaped: 'creates a contract' });
    const call = await sign(1, 1, { to: contractAddress, value: 0n, data: '0x0102', gasLimit: 100_000n });
    await ask('eth_sendRawTransaction', call);
    await receipt(keccak256(call));
    const called = stepOf(await wayOf(keccak256(call)), 'executed');
    const home = parseInt(keccak256(contractAddress).slice(2, 4), 16) < 128 ? 0 : 1;
    assert.deepEqual([called.pass, called.shard, called.escaped, called.success], ['calls', home, undefined, true]);
  });

  test('shows what waits, what left and why, and what it never saw', async () => {
    const waiting = await ask('eth_sendRawTransaction', await sign(2, 1));
    const queued = await wayOf(waiting);
    assert.equal(queued.status, 'queued');
    assert.deepEqual(names(queued), ['received', 'verified', 'pooled']);
    const better = await ask('eth_sendRawTransaction', await sign(2, 1, { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 10n }));
    const replaced = await wayOf(waiting);
    assert.equal(replaced.status, 'dropped');
    assert.match(replaced.reason, /^replaced by/);
    assert.deepEqual(names(replaced), ['received', 'verified', 'pooled', 'left']);
    assert.match(stepOf(replaced, 'left').reason, /^replaced by/);
    assertInOrder(replaced);
    await ask('eth_sendRawTransaction', await sign(2, 0));
    await receipt(better);
    assert.equal((await wayOf(better)).status, 'included');
    const unknown = await wayOf(NOBODY);
    assert.deepEqual([unknown.status, unknown.steps, unknown.firstMs], ['unknown', [], null]);
    assert.match(unknown.note, /not seen it/);
    await assert.rejects(wayOf('0x12'), /invalid argument 0/);
    await assert.rejects(ask('gantry_traceTransactionPath'), /missing value/);
  });

  test('forgets the oldest and says so', async () => {
    const first = await sign(3, 0);
    await ask('eth_sendRawTransaction', first);
    await receipt(keccak256(first));
    const later = await Promise.all(Array.from({ length: 100 }, (_, i) => sign(3, 1 + i)));
    await ask.batch(later.map((raw) => ['eth_sendRawTransaction', raw]));
    await receipt(keccak256(later.at(-1)));
    const old = await wayOf(keccak256(first));
    assert.equal(old.status, 'included');
    assert.deepEqual(old.steps, []);
    assert.match(old.note, /last 32 transactions/);
    assert.equal((await wayOf(keccak256(later.at(-1)))).steps.length, 9);
  });

  test('gantry tx prints it, follows it, and refuses what is no hash', async () => {
    const raw = await sign(4, 0);
    const follower = launchGantry('tx', ['--url', node.url, '--follow', keccak256(raw)], { bare: true });
    await ask('eth_sendRawTransaction', raw);
    assert.deepEqual(await follower.ended, { code: 0, signal: null });
    assert.match(follower.output, /received +over json-rpc, by shard \d\n(.*\n)* *\S+ \S+ +\S+ \S+ +executed +round 0, pass senders, on shard \d\n/);
    assert.match(follower.output, /durable +on disk; its receipt is visible\n0x\w{64} {2}included in block \d+, index 0\n$/);
    const json = runGantry(['tx', '--json', '--url', node.url, keccak256(raw)]);
    // firstMs is worked out from now on each time.
    assert.deepEqual({ ...JSON.parse(json.stdout), firstMs: 0 }, { ...(await wayOf(keccak256(raw))), firstMs: 0 });
    for (const [args, status, message] of [
      [['--url', node.url, NOBODY], 1, /unknown\nthis node has not seen it/],
      [['--url', node.url, '--follow', '--timeout', '10ms', NOBODY], 1, /unknown/],
      [[], 2, /one hash/],
      [['0x12'], 2, /is no hash/],
      [['--url', 'ftp://x', NOBODY], 2, /only http/],
      [['--url', 'http://127.0.0.1:1', NOBODY], 1, /gantry tx: .*refused/],
    ]) {
      const run = runGantry(['tx', ...args]);
      assert.equal(run.status, status, run.stderr);
      assert.match(run.stdout + run.stderr, message);
    }
  });

  test('a node that keeps none says so', async () => {
    const other = await startGantry('dev', ['--transaction-paths', '0', '--block-time', '20ms', '--shards', '1']);
    try {
      const theirs = rpc(other.url);
      const hash = await theirs('eth_sendRawTransaction', await sign(0, 0));
      await until('it is included', () => theirs('eth_getTransactionReceipt', hash));
      const way = await theirs('gantry_traceTransactionPath', hash);
      assert.deepEqual([way.status, way.steps], ['included', []]);
      assert.match(way.note, /keeps no paths/);
    } finally {
      await other.stop();
    }
  });
});

describe('in a cluster', { timeout: 90_000 }, () => {
  const out = path.join(temporaryFolder(), 'cluster');
  let base, nodes, cluster;

  before(async () => {
    base = await freePorts(40);
    nodes = Array.from({ length: 4 }, (_, i) => rpc(`http://127.0.0.1:${base + 10 * i}`));
    const ports = ['--rpc-port', String(base), '--ingest-port', String(base + 5), '--p2p-port', String(base + 6)];
    cluster = launchGantry('cluster', ['--validators', '4', '--shards', '1', '--out', out, ...ports], { bare: true });
    for (const ask of nodes)
      await until('all are connected', async () => (await ask('gantry_peers').catch(() => [])).filter((p) => p.connected).length === 3, 30_000);
  });
  after(() => cluster?.stop());

  test('follows a transaction through its car, acks, view and block, on who got it and on the others', async () => {
    const hash = await nodes[1]('eth_sendRawTransaction', await sign(0, 0));
    for (const ask of nodes) await until('all have it', async () => (await ask('gantry_traceTransactionPath', hash)).steps.at(-1)?.step === 'durable', 30_000);
    const here = await nodes[1]('gantry_traceTransactionPath', hash);
    const steps = ['received', 'verified', 'pooled', 'taken', 'car', 'stored', 'quorum', 'ordered', 'begun', 'executed', 'sealed', 'durable'];
    assert.deepEqual(names(here).toSorted(), steps.toSorted());
    assert.deepEqual(names(here).slice(0, 4), steps.slice(0, 4));
    assertInOrder(here);
    const car = stepOf(here, 'car'), ordered = stepOf(here, 'ordered');
    assert.deepEqual(car.owner, { number: 1, name: 'validator-1' });
    assert.equal(car.lane, 1);
    assert.equal(stepOf(here, 'stored').acked, true);
    assert.equal(ordered.leader.name, `validator-${ordered.leader.number}`);
    for (const i of [0, 2, 3]) {
      const there = await nodes[i]('gantry_traceTransactionPath', hash);
      assert.deepEqual(names(there).filter((name) => name !== 'quorum').toSorted(), ['begun', 'car', 'durable', 'executed', 'ordered', 'sealed', 'stored']);
      assertInOrder(there);
      for (const [name, members] of [['car', ['epoch', 'lane', 'position', 'owner']], ['ordered', ['epoch', 'view', 'height', 'leader']],
        ['executed', ['round', 'pass', 'shard', 'success']], ['begun', ['block']]])
        for (const member of members) assert.deepEqual(stepOf(there, name)[member], stepOf(here, name)[member], `${name}.${member} on ${i}`);
      assert.equal(there.blockHash, here.blockHash);
    }
    const run = runGantry(['tx', '--url', `http://127.0.0.1:${base + 10}`, hash]);
    assert.match(run.stdout, /car +validator-1's car \d+ of epoch \d+\n(.*\n)*.*ordered +epoch \d+, view \d+, height \d+, led by validator-\d\n/);
  });
});
