// Which Debian packages are missing, and their installation without starting any of the services they carry.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

/** Says what to install by hand. */
export class PackageError extends Error {
  /** @override */
  name = 'PackageError';
}

/** @typedef {{ name: string, files: string[], units?: string[] }} DebianPackage one of `files` shows it is installed */

/** Where libraries of this processor lie on Debian, and on other systems. */
const LIBRARIES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];

/** What the Node of our npm packages cannot run without, and a minimal Debian lacks. @type {readonly DebianPackage[]} */
export const NODE_PACKAGES = [{ name: 'libatomic1', files: LIBRARIES.map((folder) => `${folder}/libatomic.so.1`) }];

/** @type {DebianPackage[]} */
const CLUSTER = [
  ...NODE_PACKAGES,
  { name: 'containerd', files: bin('containerd'), units: ['containerd.service'] },
  { name: 'runc', files: bin('runc') },
  { name: 'containernetworking-plugins', files: ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge'] },
  { name: 'nftables', files: bin('nft') },
  { name: 'conntrack', files: bin('conntrack') },
  { name: 'iproute2', files: bin('ip') },
  { name: 'iptables', files: bin('iptables') }, // the portmap CNI plugin calls it
];

/** What each purpose needs. @type {ReadonlyMap<string, DebianPackage[]>} */
export const DEBIAN_PACKAGES = new Map([
  ['cluster', CLUSTER],
  [
    'tests',
    [
      ...CLUSTER,
      { name: 'etcd-server', files: bin('etcd'), units: ['etcd.service'] },
      { name: 'etcd-client', files: bin('etcdctl') },
      { name: 'dbus-daemon', files: bin('dbus-daemon') },
      {
        name: 'libfaketime',
        files: ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`),
      },
    ],
  ],
]);

/** Debian asks this script before it starts a service; status 101 forbids it. Source: Debian policy-rc.d interface. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY = '#!/bin/sh\n# Put here by the set-up of Proa for the length of one installation.\nexit 101\n';

/**
 * Where an executable may be: root's PATH does not always hold the sbin folders.
 * @param {string} name
 */
function bin(name) {
  return ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin', '/usr/local/sbin'].map((folder) => `${folder}/${name}`);
}

/**
 * Those of `packages` of which no file is there.
 * @param {readonly DebianPackage[]} packages
 * @param {(path: string) => boolean} exists
 */
export function missingDebianPackages(packages, exists = existsSync) {
  return packages.filter(({ files }) => !files.some((file) => exists(file)));
}

/**
 * @param {readonly DebianPackage[]} packages
 * @param {(line: string) => void} say
 * @throws PackageError when this machine or user cannot
 */
export function installDebianPackages(packages, say) {
  const names = packages.map(({ name }) => name);
  if (!existsSync('/usr/bin/apt-get')) throw new PackageError(`needs ${names.join(', ')}; this is no Debian, so install them yourself`);
  if (process.getuid?.() !== 0) throw new PackageError(`needs ${names.join(', ')}; run as root, or: apt-get install ${names.join(' ')}`);

  say(`installing Debian packages: ${names.join(', ')}`);
  withoutServices(() => {
    if (!listsPresent()) apt(['update']);
    if (install(names) === 0) return;
    apt(['update']); // the lists may be older than what the mirror still holds
    const status = install(names);
    if (status !== 0) {
      const byHand = `apt-get install ${names.join(' ')}`;
      throw new PackageError(`${byHand} ended with status ${status}, its own lines above say why: mend that, or run ${byHand} yourself`);
    }
  });
  keepServicesOff(packages.flatMap(({ units = [] }) => units));
}

/** @param {string[]} names */
function install(names) {
  return apt(['install', '--yes', '--no-install-recommends', ...names]);
}

/**
 * @param {string[]} args
 * @returns {number} apt-get's exit status
 */
function apt(args) {
  const { status, error } = spawnSync('apt-get', ['--quiet', '--option', 'DPkg::Lock::Timeout=300', ...args], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (error !== undefined) throw new PackageError(`cannot run apt-get: ${error.message}`);
  return status ?? 1;
}

function listsPresent() {
  return readdirSync('/var/lib/apt/lists').some((file) => /_Packages(\.\w+)?$/.test(file));
}

/**
 * Runs `work` while Debian may start no service. A policy that someone else put there is theirs, and stays.
 * @param {() => void} work
 */
function withoutServices(work) {
  const ours = !existsSync(POLICY_FILE) || readFileSync(POLICY_FILE, 'utf8') === POLICY;
  if (ours) writePolicy();
  try {
    work();
  } finally {
    if (ours) rmSync(POLICY_FILE, { force: true });
  }
}

function writePolicy() {
  try {
    writeFileSync(POLICY_FILE, POLICY, { mode: 0o755 });
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new PackageError(`${POLICY_FILE} cannot be written (${code}), so apt-get could start services: install the packages yourself`);
  }
}

/**
 * Proa starts its own copies; those of a fresh package would take ports and memory after the next reboot.
 * @param {string[]} units
 */
function keepServicesOff(units) {
  if (units.length === 0 || !existsSync('/usr/bin/systemctl')) return;
  spawnSync('systemctl', ['disable', '--quiet', ...units], { stdio: ['ignore', 2, 2] });
}
