// The manual holds: links lead somewhere, commands, flags and files that it names are there, and its examples run.
//
// Examples are the blocks marked sh and js. Those of a page run in order, sh by sh in one script, in an empty folder with
// `gantry` and Node's packages at hand, on machines of their own where nothing else listens: after a command that is put in the
// background the script waits until a node answers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { gantryBinary, runGantry, temporaryFolder } from './support/gantry.mjs';
import { manual, repository } from './support/manual.mjs';
import { castBinary, packagesFolder } from './support/packages.mjs';

const help = new Map();
function helpOf(command) {
  if (!help.has(command)) help.set(command, runGantry([command, '--help']).stdout);
  return help.get(command);
}
const hasFlag = (text, flag) => new RegExp(`${flag}(?![\\w-])`).test(text);
const commands = [...runGantry(['--help']).stdout.matchAll(/^ {2}([a-z-]+) +\S/gm)].map(([, name]) => name).filter((name) => name !== 'gantry');

test('every link leads to a page, and to a heading of it', () => {
  const pages = new Map(manual.map((page) => [page.name, page]));
  const dead = [];
  for (const page of manual) {
    for (const link of page.links) {
      const [file, anchor] = link.split('#');
      const name = file === '' ? page.name : path.join(path.dirname(page.name), file);
      if (!existsSync(path.join(repository, name)) || (anchor && !pages.get(name)?.anchors.has(anchor))) dead.push(`${page.name}: ${link}`);
    }
  }
  assert.deepEqual(dead, []);
});

test('every page is in the index', () => {
  const index = manual.find((page) => page.name === 'docs/README.md').links;
  for (const { name } of manual)
    if (name.startsWith('docs/') && name !== 'docs/README.md') assert.ok(index.includes(name.slice(5)), `${name} is not in docs/README.md`);
});

test('every command and every flag that is named exists', () => {
  assert.ok(commands.length > 15, commands.join());
  const wrong = [];
  let uses = 0;
  for (const page of manual) {
    for (const { command, rest } of page.commands) {
      uses++;
      if (!commands.includes(command)) wrong.push(`${page.name}: gantry ${command}`);
      else for (const [flag] of rest.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)) if (!hasFlag(helpOf(command), flag)) wrong.push(`${page.name}: gantry ${command} ${flag}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(uses > 60, `${uses} uses`);
});

test('every flag that stands alone is one of some command or script', () => {
  const scripts = readdirSync(path.join(repository, 'tools'), { withFileTypes: true }).filter((entry) => entry.isFile() && !/\./.test(entry.name));
  const known = commands.map(helpOf).join('\n') + scripts.map(({ name }) => readFileSync(path.join(repository, 'tools', name), 'utf8')).join('\n') + '--help --version';
  const wrong = [];
  for (const page of manual)
    for (const span of page.spans) for (const [flag] of span.matchAll(/(?<!\S)--[a-z][a-z-]*/g)) if (!hasFlag(known, flag)) wrong.push(`${page.name}: ${flag}`);
  assert.deepEqual(wrong, []);
});

test('every command is in the README', () => {
  const readme = manual[0].prose.join('\n');
  assert.deepEqual(commands.filter((command) => !readme.includes(`\n| \`${command}\` |`)), []);
});

test('every file and folder that is named is there', () => {
  const folders = /^(base|sigverify|chain|mempool|shard|engine|tools|bench|tests|docs|contracts|examples|cmake)\/[\w./*-]*$/;
  const missing = [];
  for (const page of manual)
    for (const span of page.spans) if (folders.test(span) && globSync([span, `${span}.h`, `${span}.c`], { cwd: repository }).length === 0) missing.push(`${page.name}: ${span}`);
  assert.deepEqual(missing, []);
});

describe('every example runs', () => {
  const alone = ['unshare', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const canIsolate = spawnSync(alone[0], [...alone.slice(1), 'true']).status === 0;
  const skip = canIsolate ? false : 'namespaces can not be made here';
  const ready = 'until curl -sf http://127.0.0.1:8545/health >/dev/null; do sleep 0.05; done';

  function folderFor() {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'build/release'), { recursive: true });
    mkdirSync(path.join(folder, 'bin'));
    symlinkSync(gantryBinary, path.join(folder, 'build/release/gantry'));
    symlinkSync(path.join(packagesFolder, 'node_modules'), path.join(folder, 'node_modules'));
    for (const [name, target] of [['gantry', gantryBinary], ['cast', castBinary], ['node', process.execPath]]) symlinkSync(target, path.join(folder, 'bin', name));
    return folder;
  }

  for (const page of manual) {
    const blocks = page.blocks.filter(({ language }) => language === 'sh' || language === 'js');
    if (blocks.length === 0) continue;
    test(page.name, { skip, timeout: 60_000 }, () => {
      const folder = folderFor();
      const script = blocks.map(({ language, lines }, i) => {
        if (language === 'sh') return lines.map((line) => (line.endsWith(' &') ? `${line}\n${ready}` : line)).join('\n');
        writeFileSync(path.join(folder, `example${i}.mjs`), lines.join('\n'));
        return `node example${i}.mjs`;
      });
      writeFileSync(path.join(folder, 'examples'), ['set -euo pipefail', 'ip link set lo up', ...script].join('\n'));
      const env = { ...process.env, PATH: `${folder}/bin:${process.env.PATH}`, HOME: folder };
      const run = spawnSync(alone[0], [...alone.slice(1), 'bash', 'examples'], { cwd: folder, env, encoding: 'utf8', timeout: 55_000 });
      assert.equal(run.status, 0, `${script.join('\n')}\n\n${run.stdout}\n${run.stderr}`);
    });
  }
});
