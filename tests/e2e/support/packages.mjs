// The npm packages of package.json. tools/setup installs them into build/e2e, where a plain import from here would not
// look; GANTRY_E2E_PACKAGES names another folder.
import { createRequire } from 'node:module';
import path from 'node:path';

export const packagesFolder =
  process.env.GANTRY_E2E_PACKAGES ?? path.resolve(import.meta.dirname, '../../../build/e2e');

export const load = createRequire(path.join(packagesFolder, 'package.json'));
export const castBinary = path.join(packagesFolder, 'node_modules/@foundry-rs/cast-linux-amd64/bin/cast');
