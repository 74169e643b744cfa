// The program in few files, for a quick start and a small process: 1,500 modules cost more to find, read and strip than to
// run. bin/proa runs them only while `sources.sh` prints what it printed here, else the sources.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type Plugin } from 'rolldown';

export const MAIN = 'src/cluster/main.ts';

/** Below the checkout: one folder a bundle, and `current`, a link to the one that counts. */
export const BUNDLES = '.cache/program';

/** In a bundle's folder: what sources.sh printed. */
export const SOURCES = 'sources';

/**
 * Bundles the program of the checkout `root` and makes it the current one; a crash at any point leaves the one before.
 * Not to be called twice at a time. @returns the bundle's folder
 * @throws Error when the sources cannot be bundled, or changed meanwhile
 */
export async function bundleProgram(root: string): Promise<string> {
  const bundles = join(root, BUNDLES);
  mkdirSync(bundles, { recursive: true });
  const current = join(bundles, 'current');
  const before = currentBundle(current);
  const folder = mkdtempSync(join(bundles, 'b-'));
  try {
    const sources = sourcesOf(root);
    await writeBundle(root, folder);
    if (sourcesOf(root) !== sources) throw new Error('the sources changed while they were being bundled');
    writeFileSync(join(folder, SOURCES), sources);
    chmodSync(folder, 0o755);
    await Promise.all([folder, ...readdirSync(folder).map((name) => join(folder, name))].map(flush));
    symlinkSync(basename(folder), join(folder, 'current'));
    renameSync(join(folder, 'current'), current);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  removeOthers(bundles, [basename(folder), before]);
  return folder;
}

function sourcesOf(root: string): string {
  const { status, stdout, stderr } = spawnSync('sh', [join(root, 'tools/program/sources.sh'), root], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status !== 0) throw new Error(`cannot list the sources: ${stderr.trim()}`);
  return stdout;
}

async function writeBundle(root: string, folder: string): Promise<void> {
  await build({
    cwd: root,
    input: { main: join(root, MAIN) },
    platform: 'node',
    tsconfig: false,
    transform: { typescript: { onlyRemoveTypeImports: true } }, // as Node does it
    plugins: [httpWithoutGetters],
    logLevel: 'silent',
    output: {
      dir: folder,
      sourcemap: true,
      sourcemapExcludeSources: true,
      keepNames: true,
      // Names stay; what is left out is what V8 would keep in memory and never run. A text with a letter beyond Latin-1
      // takes two bytes a character.
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
      comments: false,
      charset: 'ascii',
    },
  });
}

/**
 * `import 'node:http'` reads every property of that module, and three of them are getters that load a second HTTP client:
 * 45 ms and 15 MB in Node 26. Nothing here uses those three.
 */
const httpWithoutGetters: Plugin = {
  name: 'http-without-getters',
  resolveId: { filter: { id: /^(node:)?http$/ }, handler: (_id, _importer, { kind }) => (kind === 'require-call' ? null : '\0http') },
  load: {
    filter: { id: /^\0http$/ },
    handler() {
      const properties = Object.getOwnPropertyDescriptors(process.getBuiltinModule('node:http'));
      const names = Object.entries(properties).flatMap(([name, { get }]) => (get === undefined ? [name] : []));
      return `const http = process.getBuiltinModule('node:http');\nexport default http;\nexport const { ${names.join(', ')} } = http;\n`;
    },
  },
};

function currentBundle(current: string): string | undefined {
  try {
    return readlinkSync(current);
  } catch {
    return undefined; // there is none yet
  }
}

async function flush(path: string): Promise<void> {
  await using file = await open(path);
  await file.sync();
}

/** All bundles but `kept`, and but those that a process was started from: it may have parts of it still to load. */
function removeOthers(bundles: string, kept: readonly (string | undefined)[]): void {
  const running = commandLines();
  for (const name of readdirSync(bundles)) {
    const folder = join(bundles, name);
    if (name.startsWith('b-') && !kept.includes(name) && !running.some((line) => line.includes(`${folder}/`)))
      rmSync(folder, { recursive: true, force: true });
  }
}

function commandLines(): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8')] : [];
    } catch {
      return []; // it has just ended
    }
  });
}
