// The server of the informer benchmark, in a thread of its own: answers lists and watches, sends events when told to.
import { createSecureServer } from 'node:http2';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { createAuthority, issueCertificate } from '#cluster/pki/certificate.ts';
import { podText } from './pods.ts';

interface Size {
  readonly pods: number;
  readonly events: number;
  /** resourceVersion of the list. */
  readonly firstVersion: number;
}

const EVENTS_PER_WRITE = 50;

const frame = (type: string, object: string): string => `{"type":"${type}","object":${object}}\n`;

async function serve(size: Size): Promise<void> {
  const deps = { clock: systemClock, ids: randomIds };
  const authority = await createAuthority('bench', 1, deps);
  const own = await issueCertificate(
    authority,
    { commonName: 'server', usages: ['server'], ipAddresses: ['127.0.0.1'], validDays: 1 },
    deps,
  );
  const all = Array.from({ length: size.pods }, (_, i) => podText(i, i + 1));
  const list = Buffer.from(
    `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"${size.firstVersion}"},"items":[${all.join(',')}]}`,
  );
  const streamed = Buffer.from(all.map((text) => frame('ADDED', text)).join(''));
  const end = `{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"${size.firstVersion}","annotations":{"k8s.io/initial-events-end":"true"}}}}\n`;
  const watchers = new Set<NodeJS.WritableStream & { once(event: 'drain', listener: () => void): unknown }>();
  const server = createSecureServer({ cert: own.certificate, key: own.key, allowHTTP1: true }, (request, response) => {
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
      Array.from({ length: count }, (__, i) => frame('MODIFIED', podText((first + i) % size.pods, size.firstVersion + 1 + first + i))).join(
        '',
      ),
    );
  });
  const emit = async (): Promise<void> => {
    for (const batch of batches) {
      for (const watcher of watchers) if (!watcher.write(batch)) await new Promise<void>((resolve) => watcher.once('drain', resolve));
    }
  };
  server.listen(0, '127.0.0.1', () => {
    parentPort?.postMessage({ port: (server.address() as { readonly port: number }).port, ca: authority.certificate });
  });
  parentPort?.on('message', () => void emit());
}

await serve(workerData as Size);
