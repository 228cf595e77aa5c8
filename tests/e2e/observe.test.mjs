// gantry profile and gantry trace against a node under load, as their users read them: tables, a page, a timeline file.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { gantryBinary, runGantry, startGantry, temporaryFolder, until } from './support/gantry.mjs';

const TIMEOUT = { timeout: 120_000 };
const SHARDS = 2;
const folder = temporaryFolder();
const data = path.join(folder, 'chain');

// In the background, so that the load goes on meanwhile.
async function gantry(...args) {
  const { stdout } = await promisify(execFile)(gantryBinary, args, { maxBuffer: 1 << 26 });
  return stdout;
}

describe('a node under load', TIMEOUT, () => {
  let node;
  let load;

  before(async () => {
    node = await startGantry('dev', ['--data', data, '--shards', `${SHARDS}`]);
    const where = ['--rpc', node.url, '--ingest', `127.0.0.1:${node.ingestPort}`, '--no-cache'];
    load = gantry('load', ...where, '--from', 'dev', '--senders', '200', '--accounts', '400', '--rate', '3000', '--duration', '6s');
    const metrics = async () => (await fetch(`${node.url}/metrics`)).text();
    await until('the load has begun, its senders funded', async () => /^gantry_transactions_total [1-9]\d{3}/m.test(await metrics()), 60_000);
  }, TIMEOUT);

  after(async () => {
    await load;
    await node?.stop();
  });

  test('trace: every begin has its end, in time and in order, on every shard and the coordinator', async () => {
    const file = path.join(folder, 'trace.json');
    assert.match(await gantry('trace', '--data', data, '--seconds', '1', '--out', file), /trace\.json: \d+ events of 3 threads/);
    const { traceEvents, otherData } = JSON.parse(readFileSync(file, 'utf8'));
    assert.equal(otherData.lost, 0);
    const threads = new Map(traceEvents.filter((e) => e.name === 'thread_name').map((e) => [e.tid, e.args.name]));
    assert.deepEqual([...threads.values()], ['shard 0', 'shard 1', 'coordinator']);
    for (const [tid, name] of threads) {
      const events = traceEvents.filter((e) => e.tid === tid && e.ph !== 'M');
      const spans = [];
      const waits = new Set();
      let last = -Infinity;
      for (const e of events) {
        assert.ok(e.ts >= last && Number.isFinite(e.ts), `${name}: time goes on`);
        last = e.ts;
        if (e.ph === 'B') spans.push(e.name);
        else if (e.ph === 'E') assert.equal(spans.pop(), e.name);
        else if (e.ph === 'b') waits.add(`${e.name} ${e.id}`);
        else if (e.ph === 'e') assert.ok(waits.delete(`${e.name} ${e.id}`), `${e.name} was begun`);
      }
      assert.equal(spans.length + waits.size, 0);
      const names = new Set(events.map((e) => e.name));
      const expected = name === 'coordinator' ? ['list', 'round', 'close', 'assemble', 'seal', 'fsync', 'settling'] : ['messages', 'propose', 'senders', 'parcels', 'trie', 'settle'];
      for (const point of expected) assert.ok(names.has(point), `${name} has ${point}`);
    }
    const verified = traceEvents.filter((e) => e.name === 'verify' && e.ph === 'B').reduce((sum, e) => sum + e.args.transactions, 0);
    assert.ok(verified > 0);
  });

  test('profile: tables, and a page whose flame graph has the functions that must be there', async () => {
    const page = path.join(folder, 'profile.html');
    const report = JSON.parse(await gantry('profile', '--data', data, '--seconds', '2', '--html', page, '--json'));
    assert.equal(report.unit, 'ns/tx');
    assert.ok(report.transactions > 0 && report.samples > 0 && report.unseen.length > 0);
    const shards = report.threads.filter((t) => t.name.startsWith('shard'));
    assert.equal(shards.length, SHARDS);
    for (const thread of shards) assert.ok(thread.cpu > 0 && thread.counted.idle >= 0);
    const verify = shards.reduce((sum, t) => sum + t.sampled.verify, 0);
    assert.ok(verify > 0);
    const text = readFileSync(page, 'utf8');
    assert.ok(!/(src|href)=["']?http/.test(text), 'it needs no other host');
    const { names, nodes } = JSON.parse(/<script id="data" type="application\/json">(.*?)<\/script>/s.exec(text)[1]);
    for (const name of ['shard 0', 'coordinator', 'verify', 'shard_main', 'receive_verify', 'verify_batch_run']) assert.ok(names.includes(name), name);
    for (const [i, [name, parent, self]] of nodes.entries()) assert.ok(name < names.length && (i === 0 || parent < i) && self >= 0);
    if (spawnSync('chromium', ['--version']).status !== 0) return;
    const { stdout } = spawnSync('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--dump-dom', page], { encoding: 'utf8', timeout: 60_000 });
    assert.match(stdout, /class="f[^"]*"[^>]*>receive_verify</, 'the graph is drawn');
    assert.match(stdout, /<td class="t">CPU time</, 'the tables are filled');
  });

  test('a table for people names threads, stages and what is not seen', async () => {
    const text = await gantry('profile', '--data', data, '--seconds', '1', '--functions', '3');
    assert.match(text, /^ns[^ ]* +receive +decode +verify/m);
    assert.match(text, /not seen:/);
  });

  test('trace: without a load the shards sleep, but for what they are asked', async () => {
    await load;
    const file = path.join(folder, 'idle.json');
    let over = false;
    const trace = gantry('trace', '--data', data, '--seconds', '1', '--out', file).finally(() => (over = true));
    const ask = (address) => fetch(node.url, { method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_getBalance', params: [address, 'latest'] }) });
    for (let i = 0; !over; i = (i + 1) % 256) await ask(`0x${i.toString(16).padStart(2, '0').repeat(20)}`);
    await trace;
    const { traceEvents } = JSON.parse(readFileSync(file, 'utf8'));
    for (let tid = 1; tid <= SHARDS; tid++) assert.ok(traceEvents.some((e) => e.tid === tid && e.name === 'sleep'), `shard ${tid - 1} sleeps`);
  });
});

test('says why it can not', TIMEOUT, async (t) => {
  const node = await startGantry('dev', ['--data', path.join(folder, 'other')]);
  t.after(() => node.stop());
  const running = path.join(folder, 'other');
  for (const command of ['profile', 'trace']) {
    for (const [args, status, message] of [
      [['--data', folder], 1, /no node is running with the data folder/],
      [['--data', '/nonexistent'], 1, /no node is running/],
      [['--data', running, '--seconds', '0'], 2, /seconds/],
      [['--data', running, '--seconds', '601'], 2, /seconds/],
    ]) {
      const run = runGantry([command, ...args]);
      assert.equal(run.status, status, run.stderr);
      assert.match(run.stderr, message);
    }
  }
  const unwritable = runGantry(['trace', '--data', running, '--seconds', '1', '--out', '/nonexistent/t.json']);
  assert.equal(unwritable.status, 1);
  assert.match(unwritable.stderr, /No such file/);
  assert.ok(!existsSync('/nonexistent/t.json'));
  if (process.getuid() === 0) {
    for (const open of [folder, running]) chmodSync(open, 0o755);
    const stranger = spawnSync('setpriv', ['--reuid', '65534', '--clear-groups', gantryBinary, 'trace', '--data', running, '--seconds', '1', '--out', '/dev/null'], { encoding: 'utf8' });
    if (/No such file|Permission denied\)?$/.test(stranger.error?.message ?? '')) return; // the binary lies where strangers may not go
    assert.equal(stranger.status, 1, stranger.stderr);
    assert.match(stranger.stderr, /no permission: run this as the user that the node runs as/);
  }
});
