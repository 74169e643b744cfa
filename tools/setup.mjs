// Brings a fresh machine to where this checkout can run: npm packages and what their Node needs always, other Debian
// packages and the program's bundle for what is asked.
// Plain JavaScript for Node 20, since nothing is installed yet. Does nothing, quickly, where nothing is missing.
//
//   node tools/setup.mjs [--for cluster|tests]
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DEBIAN_PACKAGES, installDebianPackages, missingDebianPackages, NODE_PACKAGES } from '../src/cluster/machine/debian.mjs';
import { missingNpmPackages, npmInstallation } from './setup/npm.mjs';
import { programIsBundled } from './setup/program.mjs';
import { newNode, ROOT } from './node.mjs';

/** Set for the second run of this file, which holds the lock that keeps two set-ups apart. */
const LOCK_HELD = 'PROA_SETUP_LOCK_HELD';

function main() {
  const { values } = parseArgs({ options: { for: { type: 'string' } } });
  const npm = missingNpmPackages(readLock('package-lock.json'), readLock('node_modules/.package-lock.json'));
  const debian = missingDebianPackages(wantedFor(values.for));
  const bundled = values.for === undefined || (npm.length === 0 && programIsBundled(ROOT));
  if (npm.length === 0 && debian.length === 0 && (bundled || !cacheIsWritable())) return;
  if (process.env[LOCK_HELD] === undefined) return againUnderLock();

  if (npm.length > 0) installNpmPackages(npm);
  if (debian.length > 0) installDebianPackages(debian, say);
  if (!bundled) bundleProgram();
}

/** @param {string | undefined} purpose */
function wantedFor(purpose) {
  if (purpose === undefined) return NODE_PACKAGES;
  const packages = DEBIAN_PACKAGES.get(purpose);
  if (packages === undefined) throw new Error(`--for takes ${[...DEBIAN_PACKAGES.keys()].join(' or ')}, not ${purpose}`);
  return packages;
}

/** @param {string} line */
function say(line) {
  console.error(`proa set-up: ${line}`);
}

/**
 * The parsed lock file, or undefined when there is none.
 * @param {string} path
 * @returns {import('./setup/npm.mjs').Lock | undefined}
 */
function readLock(path) {
  try {
    return JSON.parse(readFileSync(`${ROOT}${path}`, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`cannot read ${path}: ${error}`, { cause: error });
  }
}

/** Two commands started at once must not both install: the second waits, looks again and finds nothing to do. */
function againUnderLock() {
  mkdirSync(`${ROOT}.cache`, { recursive: true });
  const self = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const { status, error } = spawnSync('flock', [`${ROOT}.cache/setup.lock`, ...self], {
    stdio: 'inherit',
    env: { ...process.env, [LOCK_HELD]: '1' },
  });
  if (error !== undefined) throw new Error(`cannot run flock (package util-linux): ${error.message}`);
  process.exitCode = status ?? 1;
}

/** @param {string[]} missing */
function installNpmPackages(missing) {
  const fresh = readLock('node_modules/.package-lock.json') === undefined;
  say(fresh ? `installing ${missing.length} npm packages` : `updating npm packages: ${missing.slice(0, 5).join(', ')}`);
  const { command, args } = npmInstallation(fresh);
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (error !== undefined) throw new Error(`cannot run ${command}: ${error.message}`);
  if (status !== 0) throw new Error(`npm ended with status ${status}; its own lines above say why`);
}

/** A checkout that cannot be written runs from its sources. */
function cacheIsWritable() {
  try {
    mkdirSync(`${ROOT}.cache`, { recursive: true });
    accessSync(`${ROOT}.cache`, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Nothing depends on it but the time a start takes: without a bundle the sources run. */
function bundleProgram() {
  say('bundling the program, for a quicker start');
  const { status } = spawnSync(newNode(), [`${ROOT}tools/bundle.ts`], { stdio: ['ignore', 2, 2] });
  if (status !== 0) say('the program could not be bundled; it runs from its sources');
}

try {
  main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
