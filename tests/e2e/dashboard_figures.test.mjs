// What the dashboard reckons, without a browser: figures of two readings, and numbers as people read them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytes, compact, duration, money, percent, seconds, short } from '../../dashboard/src/format.js';
import { History } from '../../dashboard/src/history.js';
import { figures, parse, quantile, sum, sums } from '../../dashboard/src/metrics.js';

const plain = (text) => text.replaceAll('\u202f', ' ');

test('samples are read with their labels', () => {
  const samples = parse('a_total{x="1",y="say \\"hi\\", \\\\ and\\n"} 5\na_total{x="2",y="z"} 7\nb 1.5e3\nnonsense\n');
  assert.equal(sum(samples, 'a_total'), 12);
  assert.equal(sum(samples, 'a_total', { x: '2' }), 7);
  assert.equal(sum(samples, 'b'), 1500);
  assert.equal(sum(samples, 'absent'), 0);
  assert.deepEqual(
    [...sums(samples, 'a_total', 'y')],
    [
      ['say "hi", \\ and\n', 5],
      ['z', 7],
    ],
  );
});

const histogram = (...counts) =>
  parse(['0.1', '0.2', '0.4', '+Inf'].map((le, i) => `h_bucket{le="${le}"} ${counts[i]}`).join('\n'));

test('quantiles lie inside their bucket, and beyond the last bound at it', () => {
  const before = histogram(10, 10, 10, 10);
  assert.equal(quantile(before, histogram(20, 20, 20, 20), 'h', 0.5), 0.05);
  assert.equal(quantile(before, histogram(10, 20, 20, 20), 'h', 0.5), 0.15000000000000002);
  assert.equal(quantile(before, histogram(10, 10, 14, 20), 'h', 0.9), 0.4);
  assert.ok(Number.isNaN(quantile(before, before, 'h', 0.5)));
  assert.ok(Number.isNaN(quantile(new Map(), new Map(), 'h', 0.5)));
});

const reading = (uptime, n, idle) =>
  [
    `gantry_uptime_seconds ${uptime}`,
    `gantry_submitted_total{shard="0"} ${n}`,
    `gantry_submitted_total{shard="1"} ${n}`,
    `gantry_refused_total{shard="0",reason="nonce too low"} ${n / 10}`,
    `gantry_transactions_total ${2 * n}`,
    `gantry_stage_cycles_total{thread="shard 0",stage="execute"} ${n}`,
    `gantry_stage_cycles_total{thread="shard 0",stage="idle"} ${idle}`,
    `gantry_lanes_used_total{thread="shard 0",kernel="keccak"} ${3 * n}`,
    `gantry_lanes_offered_total{thread="shard 0",kernel="keccak"} ${4 * n}`,
    '',
  ].join('\n');

test('rates and shares are those of the time between', () => {
  const f = figures(parse(reading(1, 100, 0)), parse(reading(3, 300, 600)), 2);
  assert.equal(f.accepted, 200);
  assert.equal(f.refused, 10);
  assert.equal(f.offered, 210);
  assert.equal(f.finalized, 200);
  assert.deepEqual(
    [...f.threads[0].stages],
    [
      ['execute', 0.25],
      ['idle', 0.75],
    ],
  );
  assert.equal(f.lanes.keccak, 0.75);
  assert.ok(Number.isNaN(f.lanes.signatures));
  assert.deepEqual([...f.refusals], [['nonce too low', 30]]);
});

test('a thread whose counters stand still sleeps', () => {
  const asleep = parse(reading(1, 100, 0));
  assert.deepEqual(
    [...figures(asleep, asleep, 2).threads[0].stages],
    [
      ['execute', 0],
      ['idle', 1],
    ],
  );
});

test('a history starts anew with the node, and shows the gap', () => {
  const history = new History();
  const add = (timeMs, uptime, n, number) =>
    history.add({ timeMs, metrics: reading(uptime, n, n), blocks: [{ number }] }, timeMs);
  assert.equal(add(1000, 10, 100, 1), null);
  assert.equal(add(2000, 11, 200, 2).accepted, 200);
  assert.equal(add(4000, 13, 400, 3).accepted, 200);
  assert.deepEqual(
    history.blocks.map((b) => b.number),
    [3, 2, 1],
  );
  assert.equal(add(5000, 0.5, 0, 2), null, 'counters of another process tell no rate');
  assert.deepEqual(
    history.blocks.map((b) => b.number),
    [2],
  );
  assert.equal(add(6000, 1.5, 50, 2).accepted, 100);
  assert.deepEqual(
    history.columns((f) => f.accepted),
    [
      [2, 4, 5, 6],
      [200, 200, null, 100],
    ],
  );
});

test('readings that come late stand where they belong', () => {
  const history = new History();
  for (const [timeMs, now] of [
    [0, 1000],
    [500, 1500],
    [1000, 3000],
    [1500, 3000],
  ])
    history.add({ timeMs, metrics: reading(timeMs, 0, 0), blocks: [] }, now);
  assert.deepEqual(
    history.points.map((p) => p.at),
    [1500, 2000, 2500],
  );
});

test('a history keeps five minutes', () => {
  const history = new History();
  for (let s = 0; s <= 400; s++) history.add({ timeMs: s * 1000, metrics: reading(s, s, s), blocks: [] }, s * 1000);
  assert.equal(history.points[0].at, 100_000);
  assert.equal(history.points.length, 301);
});

test('numbers have three digits that matter, and a unit', () => {
  assert.deepEqual(
    [0, 0.5, 12.34, 99.96, 1234, 9999, 12345, 1234567].map((n) => plain(compact(n))),
    ['0', '0.50', '12.3', '100', '1,234', '9,999', '12.3 k', '1.23 M'],
  );
  assert.deepEqual(
    [0, 1.5e-5, 0.0123, 0.99999, 1.5, 150, NaN].map((s) => plain(seconds(s))),
    ['0', '15.0 µs', '12.3 ms', '1.00 s', '1.50 s', '2 min 30 s', '–'],
  );
  assert.deepEqual(
    [0, 999, 1000, 1536000, 2.5e12].map((n) => plain(bytes(n))),
    ['0 B', '999 B', '1.00 kB', '1.54 MB', '2.50 TB'],
  );
  assert.deepEqual(
    [0, 0.5, 59, 60, 3661, 90000].map((s) => plain(duration(s))),
    ['0 s', '0 s', '59 s', '1 min', '1 h 1 min', '1 d 1 h'],
  );
  assert.deepEqual(
    [0, 0.0047, 0.5, 1, NaN].map((x) => plain(percent(x))),
    ['0 %', '0.47 %', '50.0 %', '100 %', '–'],
  );
});

test('money is exact', () => {
  const cases = {
    0: '0 ether',
    7: '7 wei',
    875000000: '0.875 gwei',
    21000000000168: '21,000.000000168 gwei',
    1000000000000000: '0.001 ether',
    '10000000000000000000001': '10,000.000000000000000001 ether',
  };
  for (const [wei, text] of Object.entries(cases)) assert.equal(plain(money(BigInt(wei))), text);
});

test('hashes are shortened in the middle', () => {
  assert.equal(short(`0x${'0123456789abcdef'.repeat(4)}`), '0x012345…abcdef');
  assert.equal(short('0x1234'), '0x1234');
});
