// Starts and stops gantry. Nothing that is started here outlives the test: each child asks the kernel to be killed
// when this process dies.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const repository = path.resolve(import.meta.dirname, '../../..');
export const gantryBinary = process.env.GANTRY ?? path.join(repository, 'build/release/gantry');
// A gantry that equivocates (tests/equivocator).
export const equivocatorBinary = process.env.GANTRY_EQUIVOCATOR ?? path.join(repository, 'build/release/tests/gantry_equivocator');

const START_MS = 20_000;
const STOP_MS = 20_000;

// The accounts that dev chains prefund.
export const devKeys = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
  '0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba',
  '0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e',
  '0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356',
  '0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97',
  '0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6',
];

const devAddresses = [
  '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
  '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
  '0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc',
  '0x90f79bf6eb2c4f870365e785982e1f101e93b906',
  '0x15d34aaf54267db7d7c367839aaf71a00a2c6a65',
  '0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc',
  '0x976ea74026e726554db657fa54763abd0c3a0aa9',
  '0x14dc79964da2c08b23698b3d3cc7ca32193d9955',
  '0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f',
  '0xa0ee7a142d267c1f36714e4a8f75612f20a79720',
];
export const devAlloc = Object.fromEntries(devAddresses.map((a) => [a, { balance: '0x21e19e0c9bab2400000' }]));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Polls until `probe` gives something true, and returns that.
export async function until(what, probe, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`gave up after ${ms} ms waiting until ${what}`);
    await sleep(5);
  }
}

// A folder that is removed when the test process ends.
const folders = [];
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gantry-e2e-'));
  folders.push(folder);
  return folder;
}
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

// Writes DIR/genesis.json as geth would want it for a chain at Cancun from the start. `gantry` are gantry's own keys.
export function writeGenesis(folder, { gantry = {}, alloc = devAlloc, ...header } = {}) {
  const forks = ['homestead', 'eip150', 'eip155', 'eip158', 'byzantium', 'constantinople', 'petersburg', 'istanbul'];
  const config = {
    chainId: 31337,
    ...Object.fromEntries([...forks, 'berlin', 'london'].map((fork) => [`${fork}Block`, 0])),
    terminalTotalDifficulty: 0,
    terminalTotalDifficultyPassed: true,
    shanghaiTime: 0,
    cancunTime: 0,
    gantry,
  };
  const defaults = {
    nonce: '0x0',
    timestamp: '0x0',
    extraData: '0x',
    gasLimit: '0x77359400',
    difficulty: '0x0',
    mixHash: `0x${'00'.repeat(32)}`,
    coinbase: `0x${'00'.repeat(20)}`,
    baseFeePerGas: '0x3b9aca00',
  };
  const genesis = structuredClone({ config, ...defaults, ...header, alloc });
  const file = path.join(folder, 'genesis.json');
  writeFileSync(file, JSON.stringify(genesis, null, 1));
  return { file, genesis };
}

class Gantry {
  // prefix: a command that runs another one, given after it. binary: another one than gantry.
  constructor(argv, { prefix = [], binary = gantryBinary } = {}) {
    this.output = '';
    const command = ['setpriv', '--pdeathsig', 'KILL', ...prefix, binary, ...argv];
    this.process = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output = (this.output + text).slice(-65536);
        this.onOutput?.();
      });
    }
    // 'close' comes after the last output.
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        this.end = { code, signal };
        resolve(this.end);
        this.onOutput?.();
      });
      this.process.on('error', (error) => {
        this.output += error;
      });
    });
  }

  get pid() {
    return this.process.pid;
  }

  get url() {
    return `http://127.0.0.1:${this.rpcPort}`;
  }

  get wsUrl() {
    return `ws://127.0.0.1:${this.rpcPort}`;
  }

  // Resolves when the ports are known, rejects when it ended before that.
  ready() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(reject, `did not start within ${START_MS} ms`), START_MS);
      this.onOutput = () => {
        const rpc = /JSON-RPC and WebSocket +http:\/\/[^ ]+:(\d+)/.exec(this.output);
        const ingest = /binary ingest +[^ ]+:(\d+)/.exec(this.output);
        const up = /metrics +http/.test(this.output);
        if (!up && !this.end) return;
        clearTimeout(timer);
        this.onOutput = undefined;
        if (!up) return this.#fail(reject, `ended with ${JSON.stringify(this.end)}`);
        [this.rpcPort, this.ingestPort] = [Number(rpc[1]), Number(ingest[1])];
        resolve(this);
      };
      this.onOutput();
    });
  }

  #fail(reject, what) {
    this.process.kill('SIGKILL');
    reject(new Error(`gantry ${what}:\n${this.output}`));
  }

  // Asks it to go and returns {code, signal}; kills it when it does not.
  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  // Resident memory in KiB.
  rss() {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))[1]);
  }
}

// A running node; `args` are gantry's flags. Ports are free ones unless given.
export function startGantry(command, args = [], options = {}) {
  return launchGantry(command, args, options).ready();
}

// The same without waiting for it to be up. bare: with these arguments alone, so that ports are what files say.
export function launchGantry(command, args = [], { bare = false, ...options } = {}) {
  return new Gantry([command, ...(bare ? [] : ['--rpc-port', '0', '--ingest-port', '0']), ...args], options);
}

// Runs a command that ends by itself.
export function runGantry(args, { timeout = 60_000 } = {}) {
  const done = spawnSync(gantryBinary, args, { encoding: 'utf8', timeout, maxBuffer: 1 << 28 });
  if (done.error) throw done.error;
  return done;
}
