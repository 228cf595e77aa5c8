// A node that executes contracts, gantry unless GANTRY_CONTRACT_NODE says otherwise: "anvil" for one of those, or the URL
// of a node that runs already. The dev accounts are the same everywhere.
import { spawn } from 'node:child_process';
import path from 'node:path';

import { startGantry } from './gantry.mjs';
import { packagesFolder } from './packages.mjs';

const anvilBinary = path.join(packagesFolder, 'node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil');
const START_MS = 20_000;

async function startDev() {
  const node = await startGantry('dev');
  return { url: node.url, stop: () => node.stop() };
}

// Resolves, as contractNode does, to {url, stop()}. What is started here dies with this process.
export async function anvilNode() {
  const args = ['--pdeathsig', 'KILL', anvilBinary, '--host', '127.0.0.1', '--port', '0', '--hardfork', 'cancun'];
  const child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let output = '';
  const port = await new Promise((resolve, reject) => {
    const give = (reason) => reject(new Error(`anvil ${reason}:\n${output}`));
    const timer = setTimeout(() => give(`did not start within ${START_MS} ms`), START_MS);
    child.on('error', (error) => give(error.message));
    child.on('close', () => give('ended'));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output = (output + text).slice(-65536);
        const found = /Listening on [^ ]+:(\d+)/.exec(output);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[1]);
      });
    }
  }).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { url: `http://127.0.0.1:${port}`, stop };
}

const given = process.env.GANTRY_CONTRACT_NODE;
// Does each contractNode() start another one?
export const nodesAreOwn = given === undefined || given === 'anvil';

export async function contractNode() {
  if (given === undefined) return startDev();
  return given === 'anvil' ? anvilNode() : { url: given, stop: async () => {} };
}
