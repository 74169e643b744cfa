// Which npm packages of the lock file are missing, and how npm is asked for them.
import { readdirSync } from 'node:fs';

/**
 * Names that are allowed, or `!name` for one that is not.
 * @typedef {string | string[]} Names
 *
 * A package as the lock file describes it: `os`, `cpu` and `libc` say where it runs, absent everywhere.
 * @typedef {{ version?: string, os?: Names, cpu?: Names, libc?: Names, optional?: boolean }} LockedPackage
 * @typedef {{ packages?: Record<string, LockedPackage> }} Lock
 * @typedef {{ os: string, cpu: string, libc: string }} Platform
 */

/**
 * Paths of the packages that `lock` names for this platform and `installed` (npm's record inside node_modules) lacks
 * or holds in another version. Of the optional ones only builds for this very platform count: npm leaves out the rest.
 * @param {Lock | undefined} lock
 * @param {Lock | undefined} installed
 * @param {Platform} platform
 */
export function missingNpmPackages(lock, installed, platform = currentPlatform()) {
  const present = installed?.packages ?? {};
  return Object.entries(lock?.packages ?? {})
    .filter(([path, wanted]) => path !== '' && fits(wanted, platform) && present[path]?.version !== wanted.version)
    .map(([path]) => path);
}

/** What npm itself compares. @returns {Platform} */
export function currentPlatform() {
  const musl = readdirSync('/lib').some((file) => file.startsWith('ld-musl-'));
  return { os: process.platform, cpu: process.arch, libc: musl ? 'musl' : 'glibc' };
}

/**
 * @param {LockedPackage} wanted
 * @param {Platform} platform
 */
function fits({ os, cpu, libc, optional }, platform) {
  if (optional === true && os === undefined && cpu === undefined) return false;
  return allows(os, platform.os) && allows(cpu, platform.cpu) && allows(libc, platform.libc);
}

/**
 * @param {Names | undefined} list absent: all are allowed
 * @param {string} value
 */
function allows(list, value) {
  if (list === undefined) return true;
  const names = [list].flat();
  if (names.includes(`!${value}`)) return false;
  const allowed = names.filter((name) => !name.startsWith('!'));
  return allowed.length === 0 || allowed.includes(value);
}

/**
 * The command that installs what the lock file names. A tree that is already there is changed in place: `npm ci` would
 * first delete it under processes that run from it.
 * @param {boolean} fresh
 * @param {NodeJS.ProcessEnv} env
 */
export function npmInstallation(fresh, env = process.env) {
  const args = [fresh ? 'ci' : 'install', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--no-save'];
  // Its warnings are of the Node that runs npm: ours is among the packages.
  args.push('--loglevel=error');
  // Under `npm test` the running npm says where it is; asked directly, PATH has to know.
  return env.npm_execpath?.endsWith('.js') ? { command: process.execPath, args: [env.npm_execpath, ...args] } : { command: 'npm', args };
}
