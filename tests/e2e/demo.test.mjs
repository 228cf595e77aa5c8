// tools/demo as a newcomer runs it, but on the binary that is there and for a shorter time.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { gantryBinary, runGantry, temporaryFolder } from './support/gantry.mjs';

const script = path.resolve(import.meta.dirname, '../../tools/demo');

function demo(...args) {
  const env = { ...process.env, GANTRY: gantryBinary };
  return spawnSync(script, args, { encoding: 'utf8', env, timeout: 60_000 });
}

test('makes a chain, reports, stops what it started, and goes on when run again', { timeout: 120_000 }, () => {
  const data = path.join(temporaryFolder(), 'data');
  let height = 0;
  for (let run = 0; run < 2; run++) {
    const { status, stdout, stderr } = demo('--data', data, '--seconds', '2', '--rate', '1000');
    assert.equal(status, 0, stderr + stdout);
    assert.match(stdout, /^included, durable +\d+ \/s$/m);
    assert.match(stdout, /^latency \(scheduled\) +p50 [\d.]+ +p90 [\d.]+ +p99 [\d.]+ .* ms$/m);
    assert.match(stdout, /^account +accepted 2000 = included 2000 \+ left 0 \+ waiting 0 \+ unaccounted 0$/m);
    const cpu = /^validator +([\d.]+) us CPU .* for each of (\d+) included transactions$/m.exec(stdout);
    assert.ok(Number(cpu[1]) > 0 && Number(cpu[2]) >= 2000, cpu[0]);
    const kept = /^chain +(.*), (\d+) blocks, /m.exec(stdout);
    assert.equal(kept[1], data);
    assert.ok(Number(kept[2]) > height);
    height = Number(kept[2]);
    // Nobody holds the folder any more, and what is in it is right.
    const replay = runGantry(['replay', '--data', data]);
    assert.equal(replay.status, 0, replay.stderr);
    assert.match(replay.stdout, new RegExp(`: ${height} blocks, .* agree`));
  }
});

test('refuses what it does not know', () => {
  for (const args of [['--seconds', '0'], ['--seconds', 'ten'], ['--rate'], ['--fast', '1']]) {
    const { status, stderr } = demo(...args);
    assert.equal(status, 2);
    assert.match(stderr, /^usage: tools\/demo /);
  }
});

test('says why when the validator does not start', () => {
  const { status, stderr } = demo('--data', '/proc/nowhere', '--seconds', '1');
  assert.equal(status, 1);
  assert.match(stderr, /demo: the validator did not start:\n.*gantry dev: .+/s);
});
