// The commands around official tests: what they print, filter and refuse. What the tests themselves hold is held by the
// unit tests.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';

import { ForeignChain } from './support/foreign_chain.mjs';
import { runGantry, temporaryFolder, writeGenesis } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { Random } from './support/random.mjs';

const { bytesToHex } = load('@ethereumjs/util');
const TIMEOUT = { timeout: 120_000 };
const hex = (bytes) => bytesToHex(bytes);

describe('gantry blocktest', TIMEOUT, () => {
  const folder = temporaryFolder();
  let good;

  // A chain of another client as a BlockchainTest.
  before(async () => {
    const { genesis } = writeGenesis(folder);
    const chain = await ForeignChain.create(genesis, new Random('blocktest'));
    await chain.deploy();
    await chain.run(5);
    const { genesisBlock } = chain.vm.blockchain;
    good = {
      network: 'Cancun',
      config: { chainid: '0x7a69' },
      genesisRLP: hex(genesisBlock.serialize()),
      pre: Object.fromEntries(
        Object.entries(genesis.alloc).map(([who, { balance }]) => [who, { balance, nonce: '0x0', code: '0x', storage: {} }]),
      ),
      blocks: chain.rlp().map((rlp) => ({ rlp: hex(rlp) })),
      lastblockhash: chain.head.hash,
    };
    // A block with a last byte that is no empty list: refused, and nothing has happened.
    const odd = structuredClone(good);
    const bad = { rlp: `${good.blocks[1].rlp.slice(0, -2)}01`, expectException: 'BlockException.RLP_STRUCTURES_ENCODING' };
    odd.blocks.splice(1, 0, bad);
    const wrong = { ...structuredClone(good), lastblockhash: `0x${'11'.repeat(32)}` };
    const accepted = structuredClone(good);
    accepted.blocks[2].expectException = 'BlockException.INVALID_STATE_ROOT';
    mkdirSync(path.join(folder, 'tests/sub'), { recursive: true });
    writeFileSync(path.join(folder, 'tests/a.json'), JSON.stringify({ good, odd }));
    writeFileSync(path.join(folder, 'tests/sub/b.json'), JSON.stringify({ wrong, accepted }));
    writeFileSync(path.join(folder, 'tests/sub/other.json'), JSON.stringify({ far: { ...good, network: 'Prague' } }));
  }, TIMEOUT);

  function blocktest(...args) {
    const { status, stdout, stderr } = runGantry(['blocktest', ...args]);
    const lines = stdout.trim().split('\n').filter(Boolean);
    const summary = lines.at(-1)?.startsWith('{') ? undefined : lines.pop();
    return { status, stderr, summary, results: Object.fromEntries(lines.map((l) => [JSON.parse(l).name, JSON.parse(l)])) };
  }

  test('prints an object a test, and counts', () => {
    const { status, summary, results } = blocktest('--summary', '--jobs', '2', path.join(folder, 'tests'));
    assert.equal(status, 1);
    assert.equal(summary, '2 passed, 2 failed');
    assert.deepEqual(results.good, { name: 'good', fork: 'Cancun', pass: true });
    assert.equal(results.odd.pass, true);
    assert.deepEqual(results.odd.refused.map(({ expected }) => expected), ['BlockException.RLP_STRUCTURES_ENCODING']);
    assert.match(results.odd.refused[0].got, /^malformed: /);
    assert.match(results.wrong.error, /^last block: expected 0x1111.*, got 0x/);
    assert.equal(results.accepted.error, 'block 3: expected BlockException.INVALID_STATE_ROOT, got valid');
    assert.equal(results.far, undefined);
  });

  test('takes filters and files', () => {
    const { status, summary, results } = blocktest('--summary', '--filter', 'oo', path.join(folder, 'tests/a.json'));
    assert.deepEqual([status, summary, Object.keys(results)], [0, '1 passed, 0 failed', ['good']]);
  });

  test('refuses what it cannot run, in a line', () => {
    for (const [args, code, words] of [
      [['--fork', 'Prague', folder], 2, /unknown fork "Prague"/],
      [['--fork', 'London', folder], 2, /unknown fork "London"/],
      [['--fork', 'ParisToShanghaiAtTime15k', folder], 2, /unknown fork/],
      [[], 2, /name a file or folder/],
      [[path.join(folder, 'nothing')], 1, /nothing can't be read/],
      [[path.join(folder, 'tests/sub/other.json')], 1, /no test of Cancun in 1 files/],
    ]) {
      const { status, stderr } = blocktest(...args);
      assert.equal(status, code, stderr);
      assert.match(stderr, words);
      assert.equal(stderr.trim().split('\n').length, 1);
    }
  });
});
