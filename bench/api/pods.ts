// Pods of the load: complete, so that a server has nothing to add, and of no scheduler, so that nothing else writes them.
import type { Connections } from './connections.ts';
import type { Encoding } from './encodings.ts';

export const NAMESPACE = 'bench-api';
const JSON_TYPE = 'application/json';
export const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;

interface BenchPod {
  readonly metadata: { readonly [name: string]: unknown };
}

const probe = { httpGet: { path: '/healthz', port: 'http' } };
const WRITTEN = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'template', namespace: NAMESPACE, labels: { app: 'web', 'pod-template-hash': '5d9c7b6f4', round: '0' } },
  spec: {
    schedulerName: 'bench',
    automountServiceAccountToken: false,
    containers: ['web', 'proxy'].map((name) => ({
      name,
      image: `registry.example/${name}:1.27`,
      ports: [{ name: 'http', containerPort: 80 }],
      env: [
        { name: 'LEVEL', value: 'info' },
        { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      ],
      resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
      livenessProbe: probe,
      readinessProbe: probe,
    })),
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'config', configMap: { name: 'web' } },
    ],
  },
};

/** A pod as the server itself completes one. */
export class PodTemplate {
  readonly #pod: BenchPod;

  private constructor(pod: BenchPod) {
    this.#pod = pod;
  }

  static async learn(connections: Connections): Promise<PodTemplate> {
    const body = Buffer.from(JSON.stringify(WRITTEN));
    const path = `${PODS}?dryRun=All`;
    const answer = await connections.succeed({ method: 'POST', path, accept: JSON_TYPE, contentType: JSON_TYPE, body });
    const { metadata, ...rest } = JSON.parse(answer.toString()) as BenchPod & { status?: unknown };
    const { name, namespace, labels } = metadata;
    return new PodTemplate({ ...rest, metadata: { name, namespace, labels } });
  }

  bytes(encoding: Encoding, name: string, round: number): Uint8Array {
    const { metadata } = this.#pod;
    const labels = { ...(metadata['labels'] as object), round: String(round) };
    return encoding.encode({ ...this.#pod, metadata: { ...metadata, name, labels } });
  }
}

/** The namespace with its service account, which admission asks for. Removes what an earlier run left. */
export async function makeNamespace(connections: Connections): Promise<void> {
  const body = Buffer.from(JSON.stringify({ kind: 'Namespace', apiVersion: 'v1', metadata: { name: NAMESPACE } }));
  const made = await connections.ask({ method: 'POST', path: '/api/v1/namespaces', accept: JSON_TYPE, contentType: JSON_TYPE, body });
  const ALREADY_EXISTS = 409;
  if (made.status >= 400 && made.status !== ALREADY_EXISTS) throw new Error(`cannot make the namespace: ${made.body.toString()}`);
  await removePods(connections);
  const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts?watch=true&fieldSelector=metadata.name%3Ddefault&timeoutSeconds=30`;
  const stream = connections.stream({ method: 'GET', path, accept: JSON_TYPE });
  await new Promise<void>((resolve, reject) => {
    stream.once('data', () => resolve());
    stream.once('end', () => reject(new Error('nobody made the service account "default": is there a controller manager?')));
    stream.once('error', reject);
  });
  stream.close();
}

export async function removePods(connections: Connections): Promise<void> {
  await connections.succeed({ method: 'DELETE', path: `${PODS}?gracePeriodSeconds=0`, accept: JSON_TYPE });
}

/** Pods `pod-FROM` to the one before `pod-TO`, by 64 clients at once. */
export async function fillPods(
  connections: Connections,
  template: PodTemplate,
  encoding: Encoding,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const CLIENTS = 64;
  let next = from;
  const client = async (): Promise<void> => {
    while (next < to) {
      const body = template.bytes(encoding, `pod-${next++}`, 0);
      await connections.succeed({ method: 'POST', path: PODS, accept: encoding.mediaType, contentType: encoding.mediaType, body });
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}
