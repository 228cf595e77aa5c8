// gantry bench cluster with faults: what it reports is all there, and nothing that was accepted is lost to them.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { runGantry, temporaryFolder } from './support/gantry.mjs';

const FAULTS = ['--kill', '3@0.5+1', '--partition', '2.3@2.5+1', '--pause', '1@4.5+1'];
const LOAD = ['--quick', '--seconds', '2', '--rate', '300', '--accounts', '2000'];

const bench = (...args) => runGantry(['bench', 'cluster', ...args], { timeout: 240_000 });

describe('a benchmark of a cluster', { timeout: 250_000 }, () => {
  let folder, report, results, printed;

  before(() => {
    folder = temporaryFolder();
    const json = path.join(folder, 'report.json');
    const done = bench(...LOAD, ...FAULTS, '--json', json);
    assert.equal(done.status, 0, done.stderr);
    printed = done.stdout;
    report = JSON.parse(readFileSync(json, 'utf8'));
    results = Object.fromEntries(report.results.map((r) => [r.name, r.value]));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  test('loses nothing that was accepted to a kill, a partition and a pause', () => {
    assert.equal(results.accepted_and_lost, 0);
  });

  test('says what each fault cost', () => {
    for (const fault of ['kill', 'partition', 'pause']) {
      for (const what of ['recovery', 'after_end', 'catch_up']) assert.ok(`${fault}_${what}` in results, fault + what);
    }
    assert.match(printed, /--- kill of validator-3 at 0\.5 s for 1\.0 s ---/);
    assert.match(printed, /--- partition of validator-2 validator-3 at 2\.5 s for 1\.0 s ---/);
    assert.equal(report.settings.partition, '2.3@2.5+1');
  });

  test('counts bytes on the bulk connections too', () => {
    assert.ok(results.sent_per_tx_byte > 3, `${results.sent_per_tx_byte}: the transactions alone go to three others`);
  });

  test('measures at another validator, and where the time goes', () => {
    assert.ok(results.latency_other_p50 > 0 && results.latency_other_p99 >= results.latency_other_p50);
    assert.match(printed, /--- stages of validator 3, saturated ---/);
  });
});

test('schedules that can not be are refused before anything starts', () => {
  for (const [schedule, reason] of [
    ['0@1+1', /where the clients are/],
    ['4@1+1', /that there is not/],
    ['1@1+2,2@2+1', /overlaps/],
    ['soon', /WHO@AT\+FOR/],
  ]) {
    const done = bench('--kill', schedule);
    assert.notEqual(done.status, 0);
    assert.match(done.stderr, reason);
  }
});
