// Re-executes an exported chain with @ethereumjs/vm, which shares no code with gantry: headers, base fees, state roots,
// receipts, blooms, gas and hashes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { runGantry } from './gantry.mjs';
import { load } from './packages.mjs';

const { createBlockFromBytesArray } = load('@ethereumjs/block');
const { createBlockchain } = load('@ethereumjs/blockchain');
const { createCommonFromGethGenesis, parseGethGenesisState, Hardfork } = load('@ethereumjs/common');
const { RLP } = load('@ethereumjs/rlp');
const { bytesToHex, createAddressFromString, equalsBytes } = load('@ethereumjs/util');
const { createVM, runBlock } = load('@ethereumjs/vm');

function* blocksOf(file, common) {
  for (let rest = readFileSync(file); rest.length > 0;) {
    const { data, remainder } = RLP.decode(rest, true);
    yield createBlockFromBytesArray(data, { common });
    rest = remainder;
  }
}

// What @ethereumjs checks of a header, for chains whose blocks may share a second.
function validateSubsecondHeader(header, parent) {
  assert.ok(header.timestamp >= parent.timestamp, 'the clock ran backwards');
  assert.equal(header.number, parent.number + 1n);
  assert.deepEqual(header.parentHash, parent.hash());
  assert.equal(header.baseFeePerGas, parent.calcNextBaseFee());
  assert.equal(header.excessBlobGas, parent.calcNextExcessBlobGas(header.common));
  header.validateGasLimit(parent);
}

// Verifies every block of `file` on top of `genesis` (geth's format). Returns {blocks, transactions, vm, head, hashes}.
export async function verifyChain({ file, genesis, subsecond }) {
  const common = createCommonFromGethGenesis(genesis, { chain: 'gantry', hardfork: Hardfork.Cancun });
  const genesisState = parseGethGenesisState(genesis);
  const blockchain = await createBlockchain({
    common,
    genesisState,
    validateBlocks: !subsecond,
    validateConsensus: false,
  });
  const vm = await createVM({ common, blockchain });
  await vm.stateManager.generateCanonicalGenesis(genesisState);

  let parent = blockchain.genesisBlock.header;
  const hashes = [bytesToHex(parent.hash())];
  let transactions = 0;
  for (const block of blocksOf(file, common)) {
    const where = `block ${block.header.number}`;
    if (subsecond) validateSubsecondHeader(block.header, parent);
    await block.validateData(false, true);
    const done = await runBlock(vm, { block, skipHeaderValidation: subsecond });
    assert.equal(done.gasUsed, block.header.gasUsed, where);
    assert.ok(equalsBytes(done.stateRoot, block.header.stateRoot), `${where}: state root`);
    assert.ok(equalsBytes(done.receiptsRoot, block.header.receiptTrie), `${where}: receipts root`);
    await blockchain.putBlock(block);
    parent = block.header;
    hashes.push(bytesToHex(block.hash()));
    transactions += block.transactions.length;
  }
  return { blocks: hashes.length - 1, transactions, hashes, vm };
}

// Exports what is in a node's folder and has it executed again.
export function exportAndVerify({ folder, data, genesis, subsecond }) {
  const exported = path.join(folder, 'chain.rlp');
  const { status, stderr } = runGantry(['export', '--data', data, '--out', exported]);
  assert.equal(status, 0, stderr);
  return verifyChain({ file: exported, genesis, subsecond });
}

// Balance and nonce in the re-executed state.
export async function accountOf(vm, address) {
  const account = await vm.stateManager.getAccount(createAddressFromString(address));
  return { balance: account?.balance ?? 0n, nonce: account?.nonce ?? 0n };
}
