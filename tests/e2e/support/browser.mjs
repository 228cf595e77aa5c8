// Debian's Chromium without a window (tools/setup --tests installs it); CHROMIUM names another one.
import { existsSync } from 'node:fs';

import { load } from './packages.mjs';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const withoutBrowser = existsSync(executablePath)
  ? false
  : `${executablePath} is not there (tools/setup --tests installs it)`;

// Its own sandbox does not work for root, which containers run tests as.
export function startBrowser() {
  const { chromium } = load('playwright-core');
  return chromium.launch({ executablePath, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
}
