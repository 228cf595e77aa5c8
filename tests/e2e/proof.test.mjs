// eth_getProof, eth_getCode and eth_getStorageAt of a chain whose genesis holds contracts: every answer is checked with
// an independent trie against the state root of its block, at the head, at older heights, under way and after a restart.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { devAlloc, devKeys, startGantry, temporaryFolder, until, writeGenesis } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { Random } from './support/random.mjs';
import { RpcError, rpc } from './support/rpc.mjs';

const { createMPT, verifyMerkleProof } = load('@ethereumjs/mpt');
const { RLP } = load('@ethereumjs/rlp');
const { createTx } = load('@ethereumjs/tx');
const { createCustomCommon, Hardfork, Mainnet } = load('@ethereumjs/common');
const { bytesToBigInt, bytesToHex, createAccountFromRLP, hexToBytes, setLengthLeft } = load('@ethereumjs/util');
const { keccak256 } = load('ethers').ethers;

const TIMEOUT = { timeout: 240_000 };
const CONTRACTS = 40;
const BLOCKS = 60;
const common = createCustomCommon({ chainId: 31337 }, Mainnet, { hardfork: Hardfork.Cancun });
const hashed = (bytes) => hexToBytes(keccak256(bytes));
const word = (n) => setLengthLeft(hexToBytes(`0x${n.toString(16).padStart(64, '0')}`), 32);
const random = new Random('proof');
// The contract of EIP-4788: each block writes two of its slots.
const BEACON_ROOTS = '0x000f3df6d732807ef1319fb7b8bb8522d0beac02';
const BEACON_ROOTS_CODE =
  '0x3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff81069081541460' +
  '3c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500';
const BUFFER = 8191;

// Contracts with none to hundreds of slots, short and long values; some have the same code.
function randomContracts() {
  const contracts = {};
  for (let i = 0; i < CONTRACTS; i++) {
    const storage = {};
    for (let n = random.pick([0, 1, 2, 5, 30, 400]); n > 0; n--) {
      const slot = random.chance(0.5) ? BigInt(random.below(1000)) : bytesToBigInt(random.bytes(32));
      const value = random.chance(0.5) ? BigInt(1 + random.below(200)) : 1n + bytesToBigInt(random.bytes(31));
      storage[bytesToHex(word(slot))] = bytesToHex(word(value));
    }
    contracts[bytesToHex(random.bytes(20))] = {
      balance: `0x${random.below(1000).toString(16)}`,
      nonce: '0x1',
      code: bytesToHex(Buffer.concat([Buffer.from([0x60, i % 7]), random.bytes(i % 3 ? 0 : 1 + random.below(300))])),
      storage,
    };
  }
  return contracts;
}

async function storageRoot(storage) {
  const trie = await createMPT({ useKeyHashing: true });
  for (const [slot, value] of Object.entries(storage ?? {}))
    await trie.put(hexToBytes(slot), RLP.encode(bytesToBigInt(hexToBytes(value))));
  return trie.root();
}

async function stateRoot(alloc) {
  const trie = await createMPT({ useKeyHashing: true });
  for (const [who, a] of Object.entries(alloc)) {
    const code = hashed(hexToBytes(a.code ?? '0x'));
    const fields = [BigInt(a.nonce ?? 0), BigInt(a.balance), await storageRoot(a.storage), code];
    await trie.put(hexToBytes(who), RLP.encode(fields));
  }
  return bytesToHex(trie.root());
}

const verified = (root, key, nodes) => {
  if (nodes.length === 0) {
    assert.equal(root, bytesToHex(hashed(RLP.encode(new Uint8Array()))), 'only an empty trie has no nodes');
    return null;
  }
  assert.equal(keccak256(nodes[0]), root);
  return verifyMerkleProof(key, nodes.map(hexToBytes), { useKeyHashing: true, root: hexToBytes(root) });
};

// Asks for an account and some slots at a block and checks all that is answered.
async function checkProof(call, block, who, slots, expected) {
  const proof = await call('eth_getProof', who, slots, block.number);
  const value = await verified(block.stateRoot, hexToBytes(who), proof.accountProof);
  assert.equal(proof.address, who);
  if (value === null) {
    assert.deepEqual([proof.balance, proof.nonce], ['0x0', '0x0']);
  } else {
    const account = createAccountFromRLP(value);
    assert.equal(BigInt(proof.balance), account.balance);
    assert.equal(BigInt(proof.nonce), account.nonce);
    assert.equal(proof.codeHash, bytesToHex(account.codeHash));
    assert.equal(proof.storageHash, bytesToHex(account.storageRoot));
    assert.equal(BigInt(await call('eth_getBalance', who, block.number)), account.balance);
  }
  for (const [i, p] of proof.storageProof.entries()) {
    const leaf = await verified(proof.storageHash, word(BigInt(slots[i])), p.proof);
    const stored = leaf === null ? 0n : bytesToBigInt(RLP.decode(leaf));
    assert.equal(BigInt(p.value), stored);
    assert.equal(BigInt(p.key), BigInt(slots[i]));
    if (expected) assert.equal(stored, BigInt(expected.storage[bytesToHex(word(BigInt(slots[i])))] ?? 0));
    assert.equal(BigInt(await call('eth_getStorageAt', who, slots[i], block.number)), stored);
  }
  if (expected) assert.equal(await call('eth_getCode', who, block.number), expected.code);
  return value;
}

async function checkBlock(call, block, contracts) {
  for (const [who, contract] of Object.entries(contracts)) {
    const there = random.shuffle(Object.keys(contract.storage)).slice(0, 4);
    assert.notEqual(await checkProof(call, block, who, [...there, '0x3039', bytesToHex(random.bytes(32))], contract), null);
  }
  for (const who of Object.keys(devAlloc)) assert.notEqual(await checkProof(call, block, who, ['0x0']), null);
  for (let i = 0; i < 5; i++) assert.equal(await checkProof(call, block, bytesToHex(random.bytes(20)), ['0x1']), null);
}

// What the contract holds of a block's own time and of the beacon block's root before it.
async function checkBeaconRoots(call, block) {
  const slot = Number(block.timestamp) % BUFFER;
  const proof = await call('eth_getProof', BEACON_ROOTS, [`0x${slot.toString(16)}`, `0x${(slot + BUFFER).toString(16)}`], block.number);
  assert.equal(proof.storageProof[0].value, block.timestamp);
  assert.equal(BigInt(proof.storageProof[1].value), BigInt(block.parentBeaconBlockRoot));
  await checkProof(call, block, BEACON_ROOTS, [`0x${slot.toString(16)}`, `0x${(slot + BUFFER).toString(16)}`, '0x2000']);
}

async function sendTransfers(call, nonces) {
  for (let i = 0; i < 5; i++) {
    const sender = random.below(devKeys.length);
    const tx = createTx(
      {
        type: 2,
        chainId: 31337n,
        nonce: BigInt(nonces[sender]++),
        gasLimit: 21000n,
        maxFeePerGas: 10n ** 12n,
        maxPriorityFeePerGas: 1n,
        to: `0x${'00'.repeat(18)}${(0x1000 + random.below(50)).toString(16)}`,
        value: 1000n,
      },
      { common },
    ).sign(hexToBytes(devKeys[sender]));
    await call('eth_sendRawTransaction', bytesToHex(tx.serialize()));
  }
}

test('every account and slot is proved against the state root of its block', TIMEOUT, async () => {
  const folder = temporaryFolder();
  const contracts = randomContracts();
  const beaconRoots = { [BEACON_ROOTS]: { balance: '0x0', nonce: '0x1', code: BEACON_ROOTS_CODE } };
  const alloc = { ...devAlloc, ...contracts, ...beaconRoots };
  const { file } = writeGenesis(folder, { alloc });
  const args = ['--data', path.join(folder, 'data'), '--genesis', file, '--block-time', '1ms', '--checkpoint-interval', '300ms'];
  let node = await startGantry('node', args);
  let call = rpc(node.url);
  const at = (height) => call('eth_getBlockByNumber', height, false);

  assert.equal((await at('0x0')).stateRoot, await stateRoot(alloc));
  await checkBlock(call, await at('0x0'), contracts);

  const nonces = devKeys.map(() => 0);
  const head = async () => Number(await call('eth_blockNumber'));
  while ((await head()) < BLOCKS) {
    await sendTransfers(call, nonces);
    const block = await at('latest');
    if (block.number !== '0x0') await checkBeaconRoots(call, block);
    await checkProof(call, block, random.pick(Object.keys(alloc)), ['0x5']);
  }
  await until('all is included', async () => Number((await call('txpool_status')).pending) === 0);
  for (const height of ['0x0', '0x1', '0x14', 'latest']) await checkBlock(call, await at(height), contracts);
  for (let height = 1; height <= BLOCKS; height++) await checkBeaconRoots(call, await at(`0x${height.toString(16)}`));
  await assert.rejects(call('eth_getProof', Object.keys(alloc)[0], [], '0xffff'), RpcError);

  assert.deepEqual(await node.stop(), { code: 0, signal: null }, node.output);
  node = await startGantry('node', args);
  call = rpc(node.url);
  await checkBlock(call, await at('latest'), contracts);
  await sendTransfers(call, nonces);
  await until('all is included', async () => Number((await call('txpool_status')).pending) === 0);
  await checkBlock(call, await at('latest'), contracts);
  assert.deepEqual(await node.stop(), { code: 0, signal: null }, node.output);
});
