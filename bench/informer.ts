// What an informer of many pods costs: first list, events with three indexes, memory. Over a transport in the same
// process, over HTTPS, and beside @kubernetes/client-node against the same server in the same run:
// `node bench/informer.ts [--pods 10000] [--events 50000]`.
import { spawnSync } from 'node:child_process';
import { createSecureServer } from 'node:http2';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
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
import { testAuthority } from '#client/testing/https-server.ts';

const NODES = 100;
const NAMESPACES = 20;
const FIRST_VERSION = 1_000_000;
const EVENTS_PER_WRITE = 50;

interface Size {
  readonly pods: number;
  readonly events: number;
}

/** About 2.5 KB of JSON, as a running pod of a Deployment has. */
function podText(i: number, version: number): string {
  const owner = `app-${i % 500}`;
  const probe = {
    httpGet: { path: '/healthz', port: 'http', scheme: 'HTTP' },
    periodSeconds: 10,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: 3,
  };
  return JSON.stringify({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: `${owner}-5d9c7b6f4-${i}`,
      generateName: `${owner}-5d9c7b6f4-`,
      namespace: `team-${i % NAMESPACES}`,
      uid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      resourceVersion: String(version),
      creationTimestamp: '2026-01-02T03:04:05Z',
      labels: { app: owner, 'pod-template-hash': '5d9c7b6f4' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: owner,
          uid: `e4f6d1e2-0000-4000-8000-${i % 500}`,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      nodeName: `node-${i % NODES}`,
      serviceAccountName: 'default',
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      terminationGracePeriodSeconds: 30,
      containers: ['web', 'proxy'].map((name) => ({
        name,
        image: `registry.example.com/team/${name}:1.27.${i % 10}`,
        ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }],
        env: [
          { name: 'LEVEL', value: 'info' },
          { name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
        ],
        resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
        volumeMounts: [{ name: 'token', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
        livenessProbe: probe,
        readinessProbe: probe,
        imagePullPolicy: 'IfNotPresent',
      })),
      volumes: [
        { name: 'token', projected: { sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }], defaultMode: 420 } },
      ],
      tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
    },
    status: {
      phase: 'Running',
      podIP: `10.244.${i % 250}.${i % 200}`,
      startTime: '2026-01-02T03:04:05Z',
      conditions: ['Ready', 'Initialized', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: '2026-01-02T03:04:07Z',
      })),
      containerStatuses: ['web', 'proxy'].map((name) => ({
        name,
        ready: true,
        started: true,
        restartCount: 0,
        image: name,
        imageID: `sha256:${name}`,
        state: { running: { startedAt: '2026-01-02T03:04:06Z' } },
      })),
    },
  });
}

const podOf = (i: number, version: number): Pod => JSON.parse(podText(i, version)) as Pod;
const frame = (type: string, object: string): string => `{"type":"${type}","object":${object}}\n`;

/** The server, in a thread of its own: answers lists and watches, and sends events when told to. */
async function serve(size: Size): Promise<void> {
  const authority = await testAuthority(systemClock.now());
  const all = Array.from({ length: size.pods }, (_, i) => podText(i, i + 1));
  const list = Buffer.from(
    `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"${FIRST_VERSION}"},"items":[${all.join(',')}]}`,
  );
  const streamed = Buffer.from(all.map((text) => frame('ADDED', text)).join(''));
  const end = `{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"${FIRST_VERSION}","annotations":{"k8s.io/initial-events-end":"true"}}}}\n`;
  const watchers = new Set<NodeJS.WritableStream & { once(event: 'drain', listener: () => void): unknown }>();
  const server = createSecureServer({ ...(await authority.server()), allowHTTP1: true }, (request, response) => {
    const url = request.url ?? '';
    response.writeHead(200, { 'content-type': 'application/json' });
    if (!url.includes('watch=')) return void response.end(list);
    // A watcher must see the head of the answer before the first event.
    if (url.includes('sendInitialEvents')) {
      response.write(streamed);
      response.write(end);
    } else response.write('\n');
    watchers.add(response);
    response.on('close', () => watchers.delete(response));
  });
  // Made beforehand: the server's thread only sends.
  const batches = Array.from({ length: Math.ceil(size.events / EVENTS_PER_WRITE) }, (_, batch) => {
    const first = batch * EVENTS_PER_WRITE;
    const count = Math.min(EVENTS_PER_WRITE, size.events - first);
    return Buffer.from(
      Array.from({ length: count }, (__, i) => frame('MODIFIED', podText((first + i) % size.pods, FIRST_VERSION + 1 + first + i))).join(''),
    );
  });
  const emit = async (): Promise<void> => {
    for (const batch of batches) {
      for (const watcher of watchers) if (!watcher.write(batch)) await new Promise<void>((resolve) => watcher.once('drain', resolve));
    }
  };
  server.listen(0, '127.0.0.1', () => {
    parentPort?.postMessage({ port: (server.address() as { readonly port: number }).port, ca: authority.ca });
  });
  parentPort?.on('message', () => void emit());
}

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
  const worker = new Worker(new URL(import.meta.url), { workerData: size });
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

if (isMainThread) await main();
else await serve(workerData as Size);
