// What the embedded store does, beside a real etcd under the same load in the same run, both durable and on one disk:
// `node bench/store.ts [--seconds 3] [--value-bytes 2048] [--keys 10000] [--watchers 100] [--dir DIR]`.
// etcd is called by the client of this project, over loopback: what that costs is part of its figures.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Store } from '#store/contract.ts';
import { openEmbeddedStore } from '#store/embedded/store.ts';
import { openEtcdStore } from '#store/etcd/store.ts';
import { fanOut, fill, gets, lists, type LoadOptions, type Measured, pages, updates, writes } from './store/loads.ts';
import { startPeer } from './store/peer.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    'value-bytes': { type: 'string', default: '2048' },
    keys: { type: 'string', default: '10000' },
    watchers: { type: 'string', default: '100' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const options: LoadOptions = {
  milliseconds: Number(values.seconds) * 1000,
  value: Buffer.alloc(Number(values['value-bytes']), 'v'),
  keys: Number(values.keys),
};
const watchers = Number(values.watchers);

const LOADS: readonly { readonly name: string; readonly run: (store: Store, options: LoadOptions) => Promise<Measured> }[] = [
  { name: '1 writer', run: writes(1) },
  { name: '32 writers', run: writes(32) },
  { name: '256 writers', run: writes(256) },
  { name: '32 updaters (read, then write on condition)', run: updates },
  { name: '32 getters of one key', run: gets },
  { name: `lists of all ${options.keys} keys`, run: lists },
  { name: 'pages of 500 keys at a revision', run: pages },
  { name: `${watchers} watchers of 32 writers`, run: fanOut(watchers, 2000) },
];

/** Widths of the table's columns. */
const NAME = 44;
const FIGURES = 40;

const folder = mkdtempSync(join(values.dir, 'proa-bench-'));
try {
  await compare();
} finally {
  rmSync(folder, { recursive: true });
}

async function compare(): Promise<void> {
  console.log(`machine   ${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`);
  console.log(`disk      ${said('findmnt', ['-no', 'FSTYPE,SOURCE', '-T', folder])} at ${values.dir}`);
  console.log(`versions  Node ${process.version}, ${said('etcd', ['--version']).split('\n')[0]}`);
  console.log(`load      ${options.keys} keys, values of ${options.value.length} bytes, ${values.seconds} s each\n`);

  const dir = join(folder, 'embedded');
  const embedded = await openEmbeddedStore({ dir });
  const peer = await startPeer(join(folder, 'etcd'));
  try {
    const etcd = await openEtcdStore({ endpoints: [peer.endpoint] });
    for (const store of [embedded, etcd]) await fill(store, options);
    console.log(`${''.padEnd(NAME)}${'embedded'.padStart(FIGURES)}${'etcd'.padStart(FIGURES)}   embedded/etcd`);
    for (const { name, run } of LOADS) {
      const own = await run(embedded, options);
      const other = await run(etcd, options);
      console.log(
        `${name.padEnd(NAME)}${show(own).padStart(FIGURES)}${show(other).padStart(FIGURES)}   ${(own.rate / other.rate).toFixed(1)} ×`,
      );
    }
    await etcd.close();
  } finally {
    await peer.stop();
  }
  const { revision, sizeBytes } = await embedded.status();
  await embedded.close();
  await reopen(dir, `${revision} revisions, ${mebibytes(sizeBytes)}`);
}

async function reopen(dir: string, what: string): Promise<void> {
  const start = performance.now();
  const store = await openEmbeddedStore({ dir });
  console.log(`\nopening the embedded store with ${what}: ${Math.round(performance.now() - start)} ms`);
  await store.close();
  console.log(`resident memory of this process: ${mebibytes(process.memoryUsage().rss)}`);
}

function said(file: string, args: readonly string[]): string {
  return execFileSync(file, [...args], { encoding: 'utf8' })
    .trim()
    .replace(/ +/g, ' ');
}

function show({ rate, unit, median, p99 }: Measured): string {
  const latency = median === undefined || p99 === undefined ? '' : ` (${milliseconds(median)}, p99 ${milliseconds(p99)} ms)`;
  return `${Math.round(rate).toLocaleString('en')} ${unit}${latency}`;
}

function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(2) : String(Math.round(value));
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
