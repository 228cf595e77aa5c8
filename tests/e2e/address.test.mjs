// gantry address, against ethers' own computation of addresses.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { runGantry, temporaryFolder } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { Random } from './support/random.mjs';

const { ethers } = load('ethers');
const COMMON_FACTORY = '0x4e59b44847b379578588920cA78FbF26c0B4956C';

const partitionOf = (address) => Number(ethers.keccak256(address).slice(0, 4));
const same = (a, b) => assert.equal(ethers.getAddress(a), ethers.getAddress(b));

function address(...args) {
  const { status, stdout, stderr } = runGantry(['address', '--json', ...args]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test('finds what ethers finds there', () => {
  const random = new Random('address');
  const code = ethers.hexlify(random.bytes(100));
  const hash = ethers.keccak256(code);
  const file = path.join(temporaryFolder(), 'code.bin');
  writeFileSync(file, `${code.slice(2)}\n`);
  const who = ethers.hexlify(random.bytes(20));
  const partition = random.below(256);
  const at = ['--partition', String(partition)];

  assert.equal(address(who).partition, partitionOf(who));

  for (const args of [
    ['--init-code', file],
    ['--init-code-hash', hash, '--factory', who, '--salt', '1000000'],
  ]) {
    const { address: found, salt, factory, ...rest } = address(...at, ...args);
    same(found, ethers.getCreate2Address(factory, salt, hash));
    assert.equal(partitionOf(found), partition);
    assert.equal(rest.partition, partition);
    same(factory, args.includes(who) ? who : COMMON_FACTORY);
    assert.ok(!args.includes('--salt') || BigInt(salt) >= 1000000n);
  }

  const near = address('--near', who, '--deployer', who, '--nonce', '9');
  same(near.address, ethers.getCreateAddress({ from: who, nonce: near.nonce }));
  assert.ok(near.nonce >= 9 && partitionOf(near.address) === partitionOf(who));

  const made = address(...at, '--key', '--nonce', '4');
  same(made.deployer, ethers.computeAddress(made.key));
  same(made.address, ethers.getCreateAddress({ from: made.deployer, nonce: 4 }));
  assert.equal(partitionOf(made.address), partition);
  assert.notEqual(address(...at, '--key').key, address(...at, '--key').key);

  const account = address(...at, '--account');
  same(account.address, ethers.computeAddress(account.key));
  assert.equal(partitionOf(account.address), partition);
});

test('refuses what it cannot do in one line', () => {
  const cases = [
    [[], 2, /name an address, or --partition/],
    [['0x1234'], 2, /no address of 20/],
    [['--partition', '256', '--key'], 2, /must be 0 to 255/],
    [['--partition', 'x', '--key'], 2, /must be 0 to 255/],
    [['--partition', '3'], 2, /give one of --init-code/],
    [['--partition', '3', '--key', '--account'], 2, /give one of --init-code/],
    [['--partition', '3', '--init-code', '/nowhere'], 1, /nowhere: No such file/],
    [['--partition', '3', '--init-code-hash', '0x12'], 2, /32 hexadecimal bytes/],
  ];
  for (const [args, code, words] of cases) {
    const { status, stderr } = runGantry(['address', ...args]);
    assert.equal(status, code, stderr);
    assert.match(stderr, words);
    assert.equal(stderr.trim().split('\n').length, 1);
  }
});
