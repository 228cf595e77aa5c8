// gantry top in a real terminal (tmux): its figures are the node's, it follows the window's size, it leaves cleanly.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { gantryBinary, runGantry, startGantry, until } from './support/gantry.mjs';

const haveTmux = spawnSync('tmux', ['-V']).status === 0;
const skip = haveTmux ? false : 'tmux is not installed (tools/setup --tests installs it)';
const server = `gantry-top-${process.pid}`;

function tmux(...args) {
  const { status, stdout, stderr } = spawnSync('tmux', ['-L', server, ...args], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

// What the terminal shows, once it matches.
function shown(pattern) {
  return until(`the terminal shows ${pattern}`, () => {
    const text = tmux('capture-pane', '-p');
    return pattern.test(text) && text;
  });
}

test('shows a node under load and one that is away, resizes, and leaves the terminal as it was', { skip, timeout: 60_000 }, async (t) => {
  const node = await startGantry('dev');
  t.after(() => node.stop());
  t.after(() => spawnSync('tmux', ['-L', server, 'kill-server']));
  const command = `${gantryBinary} top --interval 200ms ${node.url} http://127.0.0.1:1`;
  tmux('-f', '/dev/null', 'new-session', '-d', '-x', '120', '-y', '40', `sh -c '${command}; echo left with $?; sleep 30'`);
  await shown(/gantry top {2}http:\S+ {2}healthy/);
  const load = runGantry(['load', '--rpc', node.url, '--ingest', `127.0.0.1:${node.ingestPort}`, '--from', 'dev', '--senders', '50', '--accounts', '100',
    '--rate', '500', '--duration', '2s']);
  assert.equal(load.status, 0, load.stderr);
  const height = Number(/block +(\d+), durable/.exec(await shown(/block +[1-9]\d*, durable/))[1]);
  assert.ok(height > 0);
  const wide = await shown(/shard 0 +\d+ % {2}\S+/);
  assert.match(wide, /127\.0\.0\.1:1 .*Connection refused/);
  assert.match(wide, /coordinator +\d+ %/);
  const healthyNode = new RegExp(`^ {2}${node.url.slice('http://'.length)} .* healthy$`, 'm');
  for (const [columns, lines] of [[80, 24], [60, 12]]) {
    tmux('resize-window', '-x', String(columns), '-y', String(lines));
    await until(`${columns} columns show the node's state, and the last line the keys`, () => {
      const text = tmux('capture-pane', '-p').trimEnd();
      return healthyNode.test(text) && text.split('\n').length === lines && text.endsWith('\nq quit  space pause');
    });
  }
  tmux('send-keys', 'Down');
  await shown(/gantry top {2}http:\/\/127\.0\.0\.1:1 /);
  tmux('send-keys', 'q');
  await shown(/left with 0/);
});

test('says why it can not start', () => {
  for (const [args, status, message] of [
    [[], 1, /needs a terminal/],
    [['ftp://x'], 2, /only http/],
    [['--interval', '1'], 2, /interval/],
  ]) {
    const run = runGantry(['top', ...args]);
    assert.equal(run.status, status);
    assert.match(run.stderr, message);
  }
});
