// Nodes that come when the others no longer have what the chain began with: they fetch a state instead. Epochs are so
// short that cars are let go within seconds.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { devKeys, launchGantry, runGantry, temporaryFolder, until } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { rpc } from './support/rpc.mjs';

const { Wallet } = load('ethers');

const VALIDATORS = 4;
const FOLLOWER = VALIDATORS;
const WAIT_MS = 120_000;
// Stores 42 in slot 0 and becomes a contract whose code is STOP.
const INIT_CODE = '0x602a6000556001601160003960016000f300';

const isFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

async function freePorts(count) {
  for (;;) {
    const base = 20_000 + 10 * Math.floor(Math.random() * 1_200);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(base + i)));
    if (free.every(Boolean)) return base;
  }
}

describe('a cluster that forgets', { timeout: 500_000 }, () => {
  const out = path.join(temporaryFolder(), 'cluster');
  const nodes = [];
  const wallet = new Wallet(devKeys[0]);
  let ports, nonce = 0, early, contract;

  const folder = (i) => path.join(out, i < VALIDATORS ? `validator-${i}` : `follower-${i - VALIDATORS}`);
  const ask = (i, method, ...params) => rpc(`http://127.0.0.1:${ports + 10 * i}`)(method, ...params).catch(() => null);
  const launch = (i, command = 'node') => {
    const flags = command === 'node' ? ['--checkpoint-interval', '500ms'] : [];
    const prefix = ['env', '-C', folder(i)];
    return launchGantry(command, ['--config', 'node.conf', ...flags], { bare: true, prefix });
  };
  const start = async (i) => {
    nodes[i] = launch(i);
    await nodes[i].ready();
  };
  const send = async (i, fields) => {
    const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n, gasLimit: 100_000n };
    return ask(i, 'eth_sendRawTransaction', await wallet.signTransaction({ type: 2, chainId: 31337, nonce: nonce++, ...fees, ...fields }));
  };
  const receipt = (i, hash) => until(`node ${i} has a receipt`, () => ask(i, 'eth_getTransactionReceipt', hash), WAIT_MS);
  const epoch = async (i) => (await ask(i, 'gantry_consensus'))?.epoch ?? 0;

  // Node i has all that node 0 has.
  const expectSame = async (i) => {
    const head = await ask(0, 'eth_getBlockByNumber', 'latest', true);
    const has = () => ask(i, 'eth_getBlockByHash', head.hash, true);
    assert.deepEqual(await until(`node ${i} has the newest block`, has, WAIT_MS), head);
    for (const [method, ...params] of [
      ['eth_getBalance', wallet.address, 'latest'],
      ['eth_getTransactionCount', wallet.address, 'latest'],
      ['eth_getStorageAt', contract, '0x0', 'latest'],
      ['eth_getCode', contract, 'latest'],
      ['eth_getTransactionReceipt', early],
      ['eth_getProof', contract, ['0x0'], 'latest'],
    ])
      assert.deepEqual(await ask(i, method, ...params), await ask(0, method, ...params), method);
  };

  before(async () => {
    ports = await freePorts((VALIDATORS + 1) * 10);
    const [rpcPort, ingestPort, p2pPort] = [0, 5, 6].map((offset) => String(ports + offset));
    const where = ['--rpc-port', rpcPort, '--ingest-port', ingestPort, '--p2p-port', p2pPort, '--out', out];
    const size = ['--validators', String(VALIDATORS), '--followers', '1', '--shards', '1', '--epoch-blocks', '40'];
    const done = runGantry(['init', '--dev-accounts', ...size, ...where]);
    assert.equal(done.status, 0, done.stderr);
    for (let i = 0; i < VALIDATORS; i++) await start(i);
    early = await send(0, { data: INIT_CODE });
    contract = (await receipt(3, early)).contractAddress;
    assert.equal(await ask(0, 'eth_getStorageAt', contract, '0x0', 'latest'), `0x${'2a'.padStart(64, '0')}`);
  });
  after(() => {
    for (const node of nodes) node?.process.kill('SIGKILL');
  });

  test('lets a validator back in that has lost its data', async () => {
    nodes[3].process.kill('SIGKILL');
    await nodes[3].ended;
    rmSync(path.join(folder(3), 'data'), { recursive: true });
    for (let i = 0; i < 20; i++) await receipt(0, await send(0, { to: contract, value: 1n, gasLimit: 30_000n }));
    await until('the cars of the first epoch are gone', async () => (await epoch(0)) >= 3, WAIT_MS);
    assert.equal((await launch(3, 'recover').ended).code, 0);
    await start(3);
    await until('it fetches a state', () => /a state is fetched/.test(nodes[3].output), WAIT_MS);
    await expectSame(3);
    await until('it votes again', async () => (await ask(3, 'gantry_consensus'))?.mode === 'voting', WAIT_MS);
    const hash = await send(3, { to: contract, value: 1n, gasLimit: 30_000n });
    const shown = await receipt(0, hash);
    assert.deepEqual(await receipt(3, hash), shown);
    await expectSame(3);
  });

  test('is followed by who comes late, killed while it fetches or not', async () => {
    nodes[FOLLOWER] = launch(FOLLOWER);
    await until('it fetches a state', () => /fetching a state/.test(nodes[FOLLOWER].output), WAIT_MS);
    nodes[FOLLOWER].process.kill('SIGKILL');
    await nodes[FOLLOWER].ended;
    await start(FOLLOWER);
    await expectSame(FOLLOWER);
    await receipt(FOLLOWER, await send(1, { to: contract, value: 1n, gasLimit: 30_000n }));
    await expectSame(FOLLOWER);
  });

  test('takes back who fetched a state, after another start', async () => {
    for (const i of [3, FOLLOWER]) {
      assert.equal((await nodes[i].stop()).code, 0);
      await start(i);
      await expectSame(i);
    }
    for (let i = 0; i < VALIDATORS; i++) assert.equal((await ask(i, 'gantry_consensus')).counts.evidence, 0);
  });
});
