// What an informer of many pods costs: first list, events with three indexes, memory. Over a transport in the same
// process, over HTTPS, and beside @kubernetes/client-node against the same server in the same run:
// `node bench/informer.ts [--pods 10000] [--events 50000]`.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { CoreV1Api, KubeConfig, makeInformer, type V1Pod } from '@kubernetes/client-node';
import { pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { ResultStream } from '#base/result-stream.ts';
import { createClient } from '#client/client.ts';
import type { Client, Transport, WatchEvent } from '#client/contract.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { NODES, podText } from './informer/pods.ts';

const FIRST_VERSION = 1_000_000;

interface Size {
  readonly pods: number;
  readonly events: number;
}

const podOf = (i: number, version: number): Pod => JSON.parse(podText(i, version)) as Pod;

/** A transport that shares its objects, as loopback does. */
function sharingTransport(size: Size): { readonly transport: Transport; readonly emit: () => void; readonly all: Pod[] } {
  const all = Array.from({ length: size.pods }, (_, i) => podOf(i, i + 1));
  const changed = Array.from({ length: size.events }, (_, i) => ({
    ...(all[i % size.pods] as Pod),
    metadata: { ...(all[i % size.pods] as Pod).metadata, resourceVersion: String(FIRST_VERSION + 1 + i) },
  }));
  let stream: ResultStream<WatchEvent<unknown>> | undefined = undefined;
  return {
    all,
    emit() {
      for (const object of changed) stream?.push({ type: 'MODIFIED', object });
    },
    transport: {
      request: () => Promise.reject(new Error('this transport streams its list')),
      getPath: () => Promise.reject(new Error('this transport has no paths')),
      watch() {
        stream = new ResultStream(size.pods + size.events + 1);
        for (const object of all) stream.push({ type: 'ADDED', object });
        stream.push({ type: 'BOOKMARK', resourceVersion: String(FIRST_VERSION), initialEventsEnd: true });
        return stream;
      },
      close: async () => stream?.end(),
    },
  };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
function heap(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

function report(name: string, size: Size, figures: { readonly listMs: number; readonly eventMs: number; readonly bytes: number }): void {
  const perSecond = Math.round((size.events / figures.eventMs) * 1000);
  const perPod = Math.round(figures.bytes / size.pods);
  console.log(
    `${name.padEnd(34)} list ${figures.listMs.toFixed(0).padStart(6)} ms   events ${String(perSecond).padStart(8)}/s   memory ${String(perPod).padStart(6)} B/pod`,
  );
}

const now = (): number => performance.now();

async function measureProa(name: string, size: Size, client: Client, emit: () => void): Promise<void> {
  const before = heap();
  const stop = new AbortController();
  const factory = createInformerFactory({ client, logger: silentLogger });
  const informer = factory.informer(pods);
  informer.addIndex('node', (pod) => [pod.spec.nodeName ?? '']);
  informer.addIndex('owner', (pod) => (pod.metadata.ownerReferences ?? []).map(({ uid }) => uid));
  informer.addIndex('namespace', (pod) => [pod.metadata.namespace]);
  let updates = 0;
  const done = Promise.withResolvers<void>();
  informer.addHandlers({
    updated() {
      if (++updates === size.events) done.resolve();
    },
  });
  const began = now();
  factory.start(stop.signal);
  await factory.synced();
  const listMs = now() - began;
  const bytes = heap() - before;
  const emitted = now();
  emit();
  await done.promise;
  report(name, size, { listMs, eventMs: now() - emitted, bytes });
  if (informer.byIndex('node', 'node-1').length !== size.pods / NODES) throw new Error('the index is wrong');
  stop.abort();
}

async function measurePeer(name: string, size: Size, server: string, ca: string, emit: () => void): Promise<void> {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server, caData: Buffer.from(ca).toString('base64') }],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  const api = config.makeApiClient(CoreV1Api);
  const before = heap();
  let updates = 0;
  const done = Promise.withResolvers<void>();
  const informer = makeInformer<V1Pod>(config, '/api/v1/pods', async () => api.listPodForAllNamespaces());
  const connected = Promise.withResolvers<void>();
  informer.on('connect', () => connected.resolve());
  informer.on('update', () => {
    if (++updates === size.events) done.resolve();
  });
  const began = now();
  await informer.start();
  const listMs = now() - began;
  await connected.promise;
  // The server must have its watch before it sends.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const bytes = heap() - before;
  const emitted = now();
  emit();
  await done.promise;
  report(name, size, { listMs, eventMs: now() - emitted, bytes });
  await informer.stop();
}

const SUBJECTS = {
  async loopback(size: Size) {
    const shared = sharingTransport(size);
    await measureProa('proa, same process', size, createClient(shared.transport), shared.emit);
  },
  async https(size: Size) {
    await withServer(size, async (server, ca, emit) => {
      const transport = httpsTransport({ server, ca: { pem: ca }, clock: systemClock, logger: silentLogger });
      await measureProa('proa, HTTPS', size, createClient(transport), emit);
      await transport.close();
    });
  },
  async peer(size: Size) {
    await withServer(size, async (server, ca, emit) => measurePeer('@kubernetes/client-node, HTTPS', size, server, ca, emit));
  },
} as const;

async function withServer(size: Size, run: (server: string, ca: string, emit: () => void) => Promise<void>): Promise<void> {
  const worker = new Worker(new URL('./informer/server.ts', import.meta.url), { workerData: { ...size, firstVersion: FIRST_VERSION } });
  const { port, ca } = await new Promise<{ readonly port: number; readonly ca: string }>((resolve) => worker.once('message', resolve));
  await run(`https://127.0.0.1:${port}`, ca, () => worker.postMessage('emit'));
  await worker.terminate();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { pods: { type: 'string', default: '10000' }, events: { type: 'string', default: '50000' }, only: { type: 'string' } },
  });
  const size: Size = { pods: Number(values.pods), events: Number(values.events) };
  if (values.only !== undefined) return SUBJECTS[values.only as keyof typeof SUBJECTS](size);
  const machine = `node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}`;
  console.log(
    `${machine}; ${size.pods} pods of ${podText(0, 1).length} B JSON, ${size.events} events; three indexes and one handler in Proa, none in the peer`,
  );
  // Each in a process of its own, so that none counts another's memory.
  for (const name of Object.keys(SUBJECTS)) {
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--only', name], { stdio: 'inherit' });
  }
}

await main();
