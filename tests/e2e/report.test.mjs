// A benchmark's page as its reader sees it: rendered by a browser, with nothing from elsewhere, every repetition and the
// JSON inside; and reports compared.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { gantryBinary, runGantry, temporaryFolder } from './support/gantry.mjs';
import { repository } from './support/manual.mjs';
import { packagesFolder } from './support/packages.mjs';

const haveBrowser = spawnSync('chromium', ['--version']).status === 0;
const skip = haveBrowser ? false : 'chromium is not installed (tools/setup --tests installs it)';
const folder = temporaryFolder();
const file = (name) => path.join(folder, name);

function browse(page, ...args) {
  const always = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${file('profile')}`, '--host-resolver-rules=MAP * ~NOTFOUND'];
  const run = spawnSync('chromium', [...always, ...args, `file://${file(page)}`], { encoding: 'utf8', timeout: 60_000, maxBuffer: 1 << 26 });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

// Width and height of a PNG, and whether it shows more than its background.
function pictureOf(page) {
  browse(page, '--window-size=1200,1600', `--screenshot=${file('shot.png')}`);
  const png = readFileSync(file('shot.png'));
  assert.equal(png.subarray(1, 4).toString(), 'PNG');
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20), bytes: png.length };
}

const sample = (name, unit, samples, reference) => ({ name, unit, value: samples[1], reference: reference ? 'library' : '', reference_value: reference,
  ratio: reference ? samples[1] / reference : 0, samples, ratio_samples: samples.map((v) => (reference ? v / reference : 0)) });
const sweep = {
  bench: 'made <up>',
  repetitions: 3,
  settings: { seed: 7 },
  machine: { cpu: 'a & b' },
  notes: ['rate: 100 tx/s offered, 99 included; the generator was not the limit'],
  results: [1, 2, 4].flatMap((n) => [sample(`shards=${n}/included_rate`, 'tx/s', [n * 90, n * 100, n * 110], 50), sample(`shards=${n}/latency`, 'ms', [3, 4, 6], 0)]),
};

describe('the page of a benchmark', { timeout: 120_000 }, () => {
  test('holds a real run: facts, settings, every repetition, the JSON', { skip }, () => {
    const run = runGantry(['bench', 'hash', '--quick', '--repeat', '3', '--seed', '5', '--json', file('hash.json'), '--html', file('hash.html')]);
    assert.equal(run.status, 0, run.stderr);
    const runs = JSON.parse(readFileSync(file('hash.json'), 'utf8'));
    const page = readFileSync(file('hash.html'), 'utf8');
    assert.doesNotMatch(page, /(src|href)=|@import|url\(/);
    assert.equal(page.match(/<circle/g).length, 3 * runs.results.length);
    assert.deepEqual(JSON.parse(/<script type="application\/json" id="runs">(.*)<\/script>/s.exec(page)[1]), runs);
    const shown = browse('hash.html', '--dump-dom');
    for (const text of [runs.machine.cpu, runs.machine.version, 'Machine and build', 'Settings', ...runs.results.map(({ name }) => name)]) assert.ok(shown.includes(text), text);
    const { width, height, bytes } = pictureOf('hash.html');
    assert.deepEqual([width, height], [1200, 1600]);
    assert.ok(bytes > 20_000, `${bytes} bytes of picture`);
  });

  test('is refused before anything is measured where it can not be written', () => {
    for (const option of ['--json', '--html']) {
      const run = runGantry(['bench', 'hash', '--quick', option, file('none/there')]);
      assert.deepEqual([run.status, run.stdout], [1, '']);
      assert.match(run.stderr, /^gantry bench: .*none\/there: No such file or directory\n$/);
    }
  });

  test('is refused as a wrong command line where an option says what can not be', () => {
    for (const args of [['node', '--mix', 'foo'], ['node', '--accounts', '5', '--senders', '10'], ['cluster', '--kill', '9@1+2']]) {
      const run = runGantry(['bench', ...args]);
      assert.equal(run.status, 2, run.stderr);
      assert.match(run.stderr, new RegExp(`^bench ${args[0]}: .*\n$`));
    }
  });

  test('draws sweeps with the spread of their repetitions, and says what was offered', { skip }, () => {
    writeFileSync(file('sweep.json'), JSON.stringify(sweep));
    const run = runGantry(['bench', 'show', file('sweep.json'), '--html', file('sweep.html')]);
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /shards=4\/included_rate +400\.000 tx\/s +50\.000 library +\(ratio 8\.00\) +\[360\.000 \.\. 440\.000\]/);
    const shown = browse('sweep.html', '--dump-dom');
    assert.equal(shown.match(/<figure>/g).length, 2);
    assert.match(shown, /<figcaption>included_rate \(tx\/s\) by shards<\/figcaption>/);
    assert.equal(shown.match(/<circle[^>]* r="4"/g).length, 2 * 3 * 3);
    assert.match(shown, /<h1>gantry bench made &lt;up&gt;<\/h1>/);
    assert.match(shown, /100 tx\/s offered, 99 included; the generator was not the limit/);
    // The median line falls as the rate rises: larger is higher.
    const line = [...shown.matchAll(/<line class="s"[^>]*y1="([\d.]+)"[^>]*y2="([\d.]+)"/g)];
    assert.ok(Number(line[0][1]) > Number(line[0][2]));
    assert.ok(pictureOf('sweep.html').bytes > 20_000);
  });
});

test('compare gives intervals, and show and compare refuse what is no report', () => {
  writeFileSync(file('a.json'), JSON.stringify(sweep));
  writeFileSync(file('b.json'), JSON.stringify({ ...sweep, settings: { seed: 8 }, results: sweep.results.map((r) => ({ ...r, samples: r.samples.map((v) => 2 * v), value: 2 * r.value })) }));
  const { status, stdout } = runGantry(['bench', 'compare', file('a.json'), file('b.json')]);
  assert.equal(status, 0);
  assert.match(stdout, /settings seed differs: A 7, B 8/);
  assert.match(stdout, /shards=1\/included_rate +100\.000 +200\.000 tx\/s +x2\.000 \[1\.\d+, 2\.\d+\]/);
  writeFileSync(file('bad.json'), '{"bench": "x", "repetitions": 1, "settings": {}, "machine": {}, "results": [], "notes": [1]}');
  for (const [args, code, message] of [
    [['show', file('bad.json')], 1, /one of its notes is no text/],
    [['show', file('none.json')], 1, /isn't a report/],
    [['show'], 2, /one report/],
    [['compare', file('a.json')], 2, /two reports/],
  ]) {
    const run = runGantry(['bench', ...args]);
    assert.equal(run.status, code);
    assert.match(run.stderr, message);
  }
});

describe('the scripts that make reports', { timeout: 120_000 }, () => {
  const run = (command, ...args) => spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, GANTRY: gantryBinary, PEERS: packagesFolder } });
  const tool = (name) => path.join(repository, 'tools', name);

  test('tools/bench-report makes a folder of pages and their index', () => {
    const out = file('report');
    const { status, stderr } = run(tool('bench-report'), '--out', out, '--only', 'hash', '--quick', '--repeat', '1');
    assert.equal(status, 0, stderr);
    assert.match(readFileSync(path.join(out, 'index.html'), 'utf8'), /<a href="hash.html">hash<\/a> \(<a href="hash.json">/);
    assert.equal(JSON.parse(readFileSync(path.join(out, 'hash.json'), 'utf8')).bench, 'hash');
    for (const [args, message] of [[['--only', 'x'], /x is none of sigverify/], [['--fast'], /unknown option --fast/]]) {
      const bad = run(tool('bench-report'), ...args);
      assert.equal(bad.status, 2);
      assert.match(bad.stderr, message);
    }
  });

  test('tools/bench-peers measures gantry and another node alike', () => {
    const script = path.join(repository, 'bench/peers/peers.mjs');
    const { status, stdout, stderr } = run(process.execPath, script, '--repeat', '1', '--seconds', '2', '--only', 'gantry_rpc,anvil', '--json', file('peers.json'));
    assert.equal(status, 0, stderr);
    assert.match(stdout, /gantry_rpc\.included_rate +[1-9]\S* tx\/s +[1-9]\S* anvil +\(ratio /);
    const { results, notes, settings } = JSON.parse(readFileSync(file('peers.json'), 'utf8'));
    assert.equal(results.length, 8);
    for (const { name, value } of results) assert.ok(value > 0, name);
    assert.match(notes[1], /^anvil: 50000 tx\/s offered with 500 under way at most, \d+ included; /);
    assert.match(settings.anvil, /^\d+\.\d+/);
    const bad = run(process.execPath, script, '--fast');
    assert.equal(bad.status, 2);
    assert.match(bad.stderr, /^bench-peers: .*--fast/);
    for (const args of [['--only', 'geth'], ['--seconds', '1'], ['--repeat', 'x']]) assert.equal(run(process.execPath, script, ...args).status, 2);
  });
});
