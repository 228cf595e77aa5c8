// gantry import: chains that an independent client built, contracts and all, are checked and stored; what is wrong with
// a block is said by its name.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';

import { ForeignChain } from './support/foreign_chain.mjs';
import { devAlloc, runGantry, temporaryFolder, writeGenesis } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { Random } from './support/random.mjs';

const { RLP } = load('@ethereumjs/rlp');

const BLOCKS = 40;
const TIMEOUT = { timeout: 240_000 };

// EIP-4788's contract, which each block calls; and one that has storage from the beginning.
const genesisContracts = {
  '0x000f3df6d732807ef1319fb7b8bb8522d0beac02': {
    balance: '0x0',
    nonce: '0x1',
    code: '0x3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500',
  },
  [`0x${'5c'.repeat(20)}`]: {
    balance: '0x7',
    nonce: '0x1',
    code: '0x5f545f5260205ff3',
    storage: { [`0x${'00'.repeat(32)}`]: `0x${'00'.repeat(31)}2a`, [`0x${'00'.repeat(31)}07`]: `0x${'ab'.repeat(32)}` },
  },
};

const folder = temporaryFolder();
const file = (name) => path.join(folder, name);
function writeBlocks(name, blocks) {
  writeFileSync(file(name), Buffer.concat(blocks));
  return file(name);
}

// Runs it and gives its report; status and stderr besides.
function gantryImport(...args) {
  const { status, stdout, stderr } = runGantry(['import', '--json', ...args]);
  return { status, stderr, ...(stdout ? JSON.parse(stdout) : {}) };
}

describe('blocks of another client', TIMEOUT, () => {
  let chain;
  let genesis;
  let blocks;

  before(async () => {
    const random = new Random('import');
    genesis = writeGenesis(folder, { gantry: { subsecond: false }, alloc: { ...devAlloc, ...genesisContracts } });
    chain = await ForeignChain.create(genesis.genesis, random);
    await chain.deploy();
    await chain.run(BLOCKS);
    blocks = chain.rlp();
  }, TIMEOUT);

  const check = (name, list) => gantryImport('--genesis', genesis.file, writeBlocks(name, list));

  test('are all as they should be', () => {
    const done = check('chain.rlp', blocks);
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(
      { blocks: done.blocks, stored: done.stored, head: done.head, hash: done.hash, root: done.state_root },
      { blocks: blocks.length, stored: false, head: blocks.length, hash: chain.head.hash, root: chain.head.root },
    );
    assert.ok(chain.failed > 5 && chain.created > 5, 'the chain had reverts and creations');
    assert.equal(
      done.transactions,
      chain.blocks.reduce((sum, block) => sum + block.transactions.length, 0),
    );
  });

  test('are stored, in several steps, and come out as they went in', () => {
    const data = file('data');
    const half = blocks.length >> 1;
    const first = gantryImport('--data', data, '--genesis', genesis.file, writeBlocks('first', blocks.slice(0, half)));
    assert.deepEqual([first.status, first.stored, first.blocks, first.head], [0, true, half, half], first.stderr);
    // The file has the genesis block and the first half again.
    const again = gantryImport('--data', data, writeBlocks('all', [chain.vm.blockchain.genesisBlock.serialize(), ...blocks]));
    assert.deepEqual([again.status, again.blocks, again.known], [0, blocks.length - half, half + 1], again.stderr);
    assert.equal(again.hash, chain.head.hash);
    const out = file('out.rlp');
    assert.equal(runGantry(['export', '--data', data, '--out', out]).status, 0);
    assert.deepEqual(readFileSync(out), Buffer.concat(blocks));
    const replay = runGantry(['replay', '--data', data]);
    assert.equal(replay.status, 0, replay.stderr);
    assert.match(replay.stdout, new RegExp(`serial .*: ${blocks.length} blocks, .* agree(.|\\n)*sharded .*: ${blocks.length} blocks`));
    const other = writeGenesis(temporaryFolder(), { gasLimit: '0x1c9c380' });
    const foreign = gantryImport('--data', data, '--genesis', other.file, file('all'));
    assert.match(foreign.stderr, /belongs to a chain with another genesis/);
    assert.equal(foreign.status, 1);
    const beyond = runGantry(['replay', '--data', data, '--to', String(blocks.length + 1)]);
    assert.equal(beyond.status, 1);
    assert.match(beyond.stderr, new RegExp(`the log ends at block ${blocks.length}, before --to ${blocks.length + 1}`));
  });

  test('keep what was good before a bad one', () => {
    const data = file('partly');
    const torn = Buffer.concat(blocks).subarray(0, -1);
    writeFileSync(file('torn'), torn);
    const done = gantryImport('--data', data, '--genesis', genesis.file, file('torn'));
    assert.deepEqual([done.status, done.blocks], [1, blocks.length - 1]);
    assert.match(done.stderr, new RegExp(`torn: block ${blocks.length}: the file ends in its middle`));
    const rest = gantryImport('--data', data, writeBlocks('rest', blocks.slice(-1)));
    assert.deepEqual([rest.status, rest.hash], [0, chain.head.hash], rest.stderr);
  });

  // Header fields by their place, and what is said when a bit of them is other.
  const fields = [
    [0, 'parent hash'],
    [1, 'ommers'],
    [2, 'base fee|state root|receipts root|gas used|logs bloom'], // coinbase
    [3, 'state root'],
    [4, 'transactions root'],
    [5, 'receipts root'],
    [6, 'logs bloom'],
    [8, 'number'],
    [9, 'gas limit'],
    [10, 'gas used'],
    [11, 'timestamp'],
    [15, 'base fee'],
    [16, 'withdrawals'],
  ];

  test('are refused by the name of what is wrong', () => {
    const at = chain.blocks.findLastIndex((block) => block.transactions.length > 2);
    const good = blocks.slice(0, at);
    for (const [place, words] of fields) {
      const block = RLP.decode(blocks[at]);
      block[0][place] = Uint8Array.from(block[0][place]);
      // The first bits of the gas limit, which may well be other by a little; and the time of the block before.
      if (place === 9) block[0][place][0] ^= 8;
      else if (place === 11) block[0][place] = RLP.decode(blocks[at - 1])[0][place];
      else block[0][place][block[0][place].length - 1] ^= 1;
      const done = check('bad', [...good, RLP.encode(block)]);
      assert.equal(done.status, 1, words);
      assert.equal(done.blocks, at, words);
      assert.match(done.stderr, new RegExp(`block ${at + 1}( \\(number \\d+\\))?: (${words}): `), words);
    }
    const dropped = RLP.decode(blocks[at]);
    dropped[1].pop();
    assert.match(check('bad', [...good, RLP.encode(dropped)]).stderr, /: transactions root: /);
    assert.match(check('bad', [...good, Buffer.from('text')]).stderr, new RegExp(`block ${at + 1}: no RLP list`));
    assert.match(check('bad', [...good, Buffer.from('c3010203', 'hex')]).stderr, /malformed: no block/);
    assert.match(check('bad', blocks.slice(1)).stderr, /block 1 \(number 2\): parent hash/);
  });

  test('may have what only other chains have, but are not stored then', async () => {
    const random = new Random('import with withdrawals');
    const other = await ForeignChain.create(genesis.genesis, random);
    await other.deploy();
    await other.run(20, (i) => {
      const gasLimit = other.parent.header.gasLimit + BigInt(random.below(1000));
      const address = i % 2 ? `0x${'7e'.repeat(20)}` : other.pool;
      const withdrawals = [{ index: i, validatorIndex: 3, address, amount: random.below(1000) }];
      return { header: { gasLimit, extraData: random.bytes(random.below(33)) }, withdrawals };
    });
    const done = check('withdrawals', other.rlp());
    assert.deepEqual([done.status, done.hash], [0, other.head.hash], done.stderr);
    const stored = gantryImport('--data', file('none'), '--genesis', genesis.file, file('withdrawals'));
    assert.equal(stored.status, 1);
    assert.match(stored.stderr, /withdrawals: a gantry chain has none/);
  });
});

test('wrong command lines and files are refused in a line', () => {
  const { file: genesis } = writeGenesis(folder);
  const cases = [
    [['import'], 2, /name a file of blocks/],
    [['import', 'x'], 2, /--data or --genesis is needed/],
    [['import', '--genesis', genesis, file('nothing')], 1, /nothing: No such file/],
    [['import', '--genesis', file('nothing'), 'x'], 1, /nothing: No such file/],
    [['import', '--data', file('new'), 'x'], 1, /holds no chain yet: name its genesis.json/],
  ];
  for (const [args, code, words] of cases) {
    const { status, stderr } = runGantry(args);
    assert.equal(status, code, stderr);
    assert.match(stderr, words);
    assert.equal(stderr.trim().split('\n').length, 1);
  }
});
