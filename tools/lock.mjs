// Completes package-lock.json after a dependency changed: `npm install && node tools/lock.mjs`.
// A registry mirror may hold only the builds for its own platforms. npm then leaves the others out of the lock file, and
// `npm ci` refuses that file wherever they do exist. Here each gets its entry, told by its name, without a checksum.
import { readFileSync, writeFileSync } from 'node:fs';
import { ROOT } from './node.mjs';

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'win32', 'openharmony'];
const PROCESSORS = ['arm64', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'wasm32', 'arm'];
const LIBRARIES = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

const file = `${ROOT}package-lock.json`;
const lock = JSON.parse(readFileSync(file, 'utf8'));
const present = new Set(Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, '')));

const added = Object.entries(lock.packages)
  .filter(([path]) => path !== '')
  .flatMap(([, owner]) =>
    Object.entries(owner.optionalDependencies ?? {})
      .filter(([name]) => !present.has(name))
      .map(([name, range]) => [`node_modules/${name}`, entry(name, range, owner)]),
  );

lock.packages = Object.fromEntries([...Object.entries(lock.packages), ...added].sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added.length} entries added to package-lock.json`);

/**
 * @param {string} name
 * @param {string} range
 * @param {{ dev?: boolean }} owner the lock file's entry of the package that asks for it
 * @throws Error when the name does not tell the platform: such a package would be wanted everywhere
 */
function entry(name, range, owner) {
  const words = name.replace(/^.*\//, '').split('-');
  const os = SYSTEMS.find((each) => words.includes(each));
  const cpu = PROCESSORS.find((each) => words.includes(each));
  const libc = Object.entries(LIBRARIES).find(([word]) => words.includes(word))?.[1];
  if (cpu === undefined) throw new Error(`package-lock.json lacks ${name}, and its name does not tell its platform`);
  return {
    version: range.replace(/^[~^]/, ''),
    cpu: [cpu],
    ...(owner.dev ? { dev: true } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    ...(os === undefined ? {} : { os: [os] }),
  };
}
