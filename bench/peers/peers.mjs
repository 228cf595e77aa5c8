// gantry beside public dev nodes: each in turn on this machine, alone, under the same load from the same generator
// (`gantry load`), every repetition through all of them. Writes a report as `gantry bench` does. Started by tools/bench-peers.
//
// usage: node peers.mjs [--repeat N] [--seconds N] [--only NAME,...] [--json F]
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

function refuse(why) {
  console.error(`bench-peers: ${why}`);
  process.exit(2);
}
function readOptions() {
  const text = { type: 'string' };
  try {
    return parseArgs({ options: { repeat: { ...text, default: '3' }, seconds: { ...text, default: '6' }, only: text, json: text } }).values;
  } catch (error) {
    return refuse(`${error.message} (--help lists the options)`);
  }
}
const options = readOptions();
const [repeat, seconds] = [Number(options.repeat), Number(options.seconds)];
if (!Number.isInteger(repeat) || repeat < 1) refuse('--repeat takes a number above 0');
if (!Number.isInteger(seconds) || seconds < 2) refuse('--seconds takes a number above 1');

const { GANTRY: gantry, PEERS: packages } = process.env;
const OFFERED = 50_000; // a second, with IN_FLIGHT at most under way: the rate then follows the node
const IN_FLIGHT = 500; // one a sender: some dev nodes lose a nonce that overtakes the one before it
const IDLE_RATE = 50;
const IDLE_SECONDS = Math.min(4, seconds);
const START_MS = 180_000; // a dev node on a busy machine takes its time
const SENDERS = ['--senders', '500', '--accounts', '2000', '--from', 'dev'];

// Each mines as soon as something is there, which is what the dev nodes do by default.
const ALL = [
  { name: 'gantry_ingest', ours: true, ingest: true },
  { name: 'gantry_rpc', ours: true },
  { name: 'anvil', command: (port) => [`${packages}/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil`, '--host', '127.0.0.1', '--port', port, '--silent'] },
  {
    name: 'hardhat',
    command: (port) => [process.execPath, `${packages}/node_modules/hardhat/dist/src/cli.js`, 'node', '--hostname', '127.0.0.1', '--port', port],
  },
];
const only = options.only?.split(',') ?? ALL.map(({ name }) => name);
for (const name of only) if (!ALL.some((peer) => peer.name === name)) refuse(`--only: ${name} is none of ${ALL.map((peer) => peer.name).join(', ')}`);
const PEERS = ALL.filter(({ name }) => only.includes(name));

const folder = mkdtempSync(path.join(os.tmpdir(), 'gantry-peers-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
symlinkSync(path.join(packages, 'node_modules'), path.join(folder, 'node_modules')); // hardhat wants to be a project's own
writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
writeFileSync(path.join(folder, 'hardhat.config.js'),
  "export default { networks: { default: { type: 'edr-simulated', chainType: 'l1', chainId: 31337, hardfork: 'cancun' } } };\n");

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });
}

async function isUp(url) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] });
  try {
    return (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).ok;
  } catch {
    return false;
  }
}

// A node as a process of its own; CPU time is that of all its threads.
class Peer {
  async start({ name, command, ours }) {
    [this.port, this.ingest] = [await freePort(), await freePort()];
    const own = [gantry, 'dev', '--block-time', '0', '--rpc-port', this.port, '--ingest-port', this.ingest];
    const argv = ours ? own : command(this.port);
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { cwd: folder, stdio: 'ignore', env: { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true' } });
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
    const end = Date.now() + START_MS;
    while (!(await isUp(this.url))) {
      const { exitCode, signalCode } = this.child;
      if (exitCode !== null || signalCode !== null) throw new Error(`${name} ended with ${signalCode ?? `code ${exitCode}`} when it was started`);
      if (Date.now() > end) throw new Error(`${name} did not answer within ${START_MS / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  cpuSeconds() {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  load(rate, duration, ...more) {
    const file = path.join(folder, 'load.json');
    const how = this.useIngest ? ['--ingest', `127.0.0.1:${this.ingest}`] : ['--rpc-only'];
    const args = ['load', '--rpc', this.url, ...how, ...SENDERS, '--rate', String(rate), '--duration', `${duration}s`, '--json', file, ...more];
    try {
      execFileSync(gantry, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
    } catch (error) {
      // Exit code 1: some accepted transaction can't be accounted for; the figures are there.
      if (error.status !== 1) throw new Error(`gantry load: ${error.stderr}`);
    }
    return JSON.parse(readFileSync(file, 'utf8'));
  }

  async stop() {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.ended;
    clearTimeout(timer);
  }
}

function describe(load) {
  const { generator: g, rates } = load;
  const limit = g.was_the_limit ? `THE GENERATOR WAS THE LIMIT: ${g.limit}` : 'the generator was not the limit';
  return `${Math.round(rates.offered)} tx/s offered with ${IN_FLIGHT} under way at most, ${Math.round(rates.included)} included; ${limit}`;
}

async function measure(peer, results, notes) {
  const node = new Peer();
  node.useIngest = peer.ingest;
  await node.start(peer);
  try {
    node.load(IDLE_RATE, 1); // funds the senders
    const before = node.cpuSeconds();
    const busy = node.load(OFFERED, seconds, '--warm-up', '1s', '--in-flight', String(IN_FLIGHT), '--in-flight-per-sender', '1');
    const cpu = node.cpuSeconds() - before;
    const idle = node.load(IDLE_RATE, IDLE_SECONDS, '--warm-up', '1s');
    results.included_rate.push(busy.rates.included);
    results.cpu_per_tx.push((cpu * 1e6) / Math.max(1, busy.account.included));
    results.latency_p50.push(idle.latency_ms.p50);
    results.latency_p99.push(idle.latency_ms.p99);
    notes.push(`${peer.name}: ${describe(busy)}`);
    console.error(`bench-peers: ${notes.at(-1)}`);
  } finally {
    await node.stop();
  }
}

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

// Against another peer's samples of the same repetitions; a ratio above 1 is better.
function result(name, unit, samples, reference, theirs, better) {
  const ratios = samples.map((value, i) => (theirs ? better(value, theirs[i]) : 0));
  return { name, value: median(samples), unit, reference, reference_value: theirs ? median(theirs) : 0, ratio: median(ratios), samples, ratio_samples: ratios };
}

const UNITS = { included_rate: 'tx/s', cpu_per_tx: 'us', latency_p50: 'ms', latency_p99: 'ms' };
const measured = Object.fromEntries(PEERS.map(({ name }) => [name, Object.fromEntries(Object.keys(UNITS).map((unit) => [unit, []]))]));
const notes = [];
const about = path.join(folder, 'about.json');
execFileSync(gantry, ['bench', 'sigverify', '--quick', '--json', about], { stdio: 'ignore' });
const { machine } = JSON.parse(readFileSync(about, 'utf8'));
for (let i = 0; i < repeat; i++) {
  const said = [];
  for (const peer of PEERS) await measure(peer, measured[peer.name], said);
  notes.push(...said.map((note) => (repeat > 1 ? `repetition ${i + 1}: ${note}` : note)));
}
const higher = (ours, theirs) => ours / theirs;
const lower = (ours, theirs) => theirs / ours;
const results = PEERS.flatMap(({ name, ours }) =>
  Object.entries(UNITS).map(([what, unit]) =>
    result(`${name}.${what}`, unit, measured[name][what], ours && measured.anvil ? 'anvil' : '', ours ? measured.anvil?.[what] : undefined, unit === 'tx/s' ? higher : lower)));
const { dependencies: versions } = JSON.parse(readFileSync(path.join(packages, 'package.json'), 'utf8'));
const settings = { seconds, offered: OFFERED, in_flight: IN_FLIGHT, idle_rate: IDLE_RATE, seed: 1,
  anvil: versions['@foundry-rs/anvil-linux-amd64'], hardhat: versions.hardhat };
const report = path.join(folder, 'report.json');
writeFileSync(report, JSON.stringify({ bench: 'peers', repetitions: repeat, settings, machine, notes, results }, null, 2));
if (options.json) writeFileSync(options.json, readFileSync(report));
process.stdout.write(execFileSync(gantry, ['bench', 'show', report], { encoding: 'utf8' }));
