// Compiles every contract of contracts/, examples/ and the tests with the solc that tests/e2e/package-lock.json names, always with
// the same settings, so that the same source gives the same code everywhere.
//
// usage: node contracts/compile.mjs        writes build/contracts/NAME.json (abi, bytecode, storage layout), and NAME.bin
//                                          and NAME.bin-runtime in hexadecimal
//        node contracts/compile.mjs --load writes tools/load/contract_code.c, what gantry load deploys
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(import.meta.dirname, '..');
const output = path.join(root, 'build/contracts');

// npm's packages are where tools/setup --tests puts them.
const packages = process.env.GANTRY_E2E_PACKAGES ?? path.join(root, 'build/e2e');
const requirePackage = createRequire(path.join(packages, 'package.json'));

export function load(name) {
  try {
    return requirePackage(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    throw new Error(`${name} is not in ${packages} (tools/setup --tests installs it)`, { cause: error });
  }
}

const settings = {
  evmVersion: 'cancun',
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: 'none' }, // or a comment would change the code
  outputSelection: {
    '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object', 'storageLayout'] },
  },
};

function compilerInput() {
  const names = ['contracts', 'examples/bond', 'tests/e2e/contracts'].flatMap((folder) =>
    readdirSync(path.join(root, folder))
      .filter((name) => name.endsWith('.sol'))
      .map((name) => path.join(folder, name)),
  );
  const sources = names.map((name) => [name, { content: readFileSync(path.join(root, name), 'utf8') }]);
  return JSON.stringify({ language: 'Solidity', sources: Object.fromEntries(sources), settings });
}

// Every contract by its name: {abi, bytecode, deployedBytecode, storageLayout}. A warning is an error.
function compile(input) {
  const { errors, contracts } = JSON.parse(load('solc').compile(input));
  if (errors?.length) throw new Error(errors.map((e) => e.formattedMessage).join('\n'));
  return Object.fromEntries(
    Object.values(contracts)
      .flatMap((file) => Object.entries(file))
      .filter(([, { evm }]) => evm.bytecode.object !== '') // not the interfaces
      .map(([name, { abi, evm, storageLayout }]) => {
        const bytecode = `0x${evm.bytecode.object}`;
        return [name, { abi, bytecode, deployedBytecode: `0x${evm.deployedBytecode.object}`, storageLayout }];
      }),
  );
}

function write(name, text) {
  const file = path.join(output, name);
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file); // others may read or write the same
}

// The compiled contracts, from build/contracts if they are there as they would be compiled now.
export function contracts() {
  const input = compilerInput();
  const version = load('solc/package.json').version;
  const digest = createHash('sha256').update(version).update(input).digest('hex');
  const all = path.join(output, `${digest}.json`);
  if (existsSync(all)) return JSON.parse(readFileSync(all, 'utf8'));
  const found = compile(input);
  mkdirSync(output, { recursive: true });
  for (const [name, contract] of Object.entries(found)) {
    write(`${name}.json`, `${JSON.stringify(contract, null, 1)}\n`);
    write(`${name}.bin`, contract.bytecode.slice(2));
    write(`${name}.bin-runtime`, contract.deployedBytecode.slice(2));
  }
  write(`${digest}.json`, JSON.stringify(found));
  return found;
}

const loadSource = path.join(root, 'tools/load/contract_code.c');

// Lines of hexadecimal text as one C string.
function asString(hex) {
  return hex
    .slice(2)
    .match(/.{1,112}/g)
    .map((line) => `    "${line}"`)
    .join('\n');
}

const slotOf = ({ storageLayout }, name) => storageLayout.storage.find(({ label }) => label === name).slot;

// The C file as it should be.
export function loadCode() {
  const { LoadToken, Pair } = contracts();
  return `// Written by contracts/compile.mjs --load.
#include "tools/load/contract_code.h"

const char LOAD_TOKEN_CODE[] =
${asString(LoadToken.bytecode)};

const char LOAD_PAIR_CODE[] =
${asString(Pair.bytecode)};

const char LOAD_TOKEN_RUNTIME[] =
${asString(LoadToken.deployedBytecode)};

const uint64_t LOAD_TOKEN_BALANCES_SLOT = ${slotOf(LoadToken, 'balanceOf')};
const uint64_t LOAD_TOKEN_ALLOWANCES_SLOT = ${slotOf(LoadToken, 'allowance')};
const uint64_t LOAD_TOKEN_SUPPLY_SLOT = ${slotOf(LoadToken, 'totalSupply')};
`;
}

export const writtenLoadCode = () => readFileSync(loadSource, 'utf8');

function main() {
  if (process.argv[2] === '--load') return writeFileSync(loadSource, loadCode());
  for (const [name, { deployedBytecode }] of Object.entries(contracts())) {
    console.log(`${name}: ${deployedBytecode.length / 2 - 1} bytes of code`);
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) main();
