// Pods of the load: what a Deployment's pods are once they run (labels, service account's volume, probes, conditions, a status
// and owners of fields by two managers), of no scheduler, so that nothing else writes them.
import type { Connections } from './connections.ts';
import type { Encoding } from './encodings.ts';

export const NAMESPACE = 'bench-api';
const JSON_TYPE = 'application/json';
export const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const CREATOR = 'kube-controller-manager/v1.36.0 (linux/amd64) kubernetes/bench';
const KUBELET = 'kubelet/v1.36.0 (linux/amd64) kubernetes/bench';

const DIGITS = 7;
const digits = (count: number): string => String(count).padStart(DIGITS, '0');

/** Of the nth pod; all are of one length. */
export const podName = (n: number): string => `web-5d9c7b6f4-${digits(n)}`;

const NAME_MARK = podName(8_888_888);
const ROUND_MARK = digits(9_999_999);

const probe = (port: string): object => ({
  httpGet: { path: '/healthz', port, scheme: 'HTTP' },
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
});
const toleration = (key: string): object => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
const TOKEN_VOLUME = 'kube-api-access-x7k2p';

/** Complete, so that a server has nothing to add. */
const SPEC = {
  volumes: [
    { name: 'data', emptyDir: {} },
    { name: 'config', configMap: { name: 'web', defaultMode: 420 } },
    {
      name: TOKEN_VOLUME,
      projected: {
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
        ],
        defaultMode: 420,
      },
    },
  ],
  containers: [
    {
      name: 'web',
      image: 'registry.example/shop/web:1.27.3',
      ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
      env: [
        { name: 'LEVEL', value: 'info' },
        { name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
      ],
      resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
      volumeMounts: [
        { name: 'data', mountPath: '/data' },
        { name: 'config', readOnly: true, mountPath: '/etc/web' },
        { name: TOKEN_VOLUME, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
      ],
      livenessProbe: probe('http'),
      readinessProbe: probe('http'),
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      imagePullPolicy: 'IfNotPresent',
    },
  ],
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  serviceAccountName: 'default',
  serviceAccount: 'default',
  securityContext: {},
  schedulerName: 'bench',
  tolerations: [toleration('node.kubernetes.io/not-ready'), toleration('node.kubernetes.io/unreachable')],
  priority: 0,
  enableServiceLinks: true,
  preemptionPolicy: 'PreemptLowerPriority',
};

const SINCE = '2026-01-01T10:00:07Z';
const STATUS = {
  phase: 'Running',
  conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
    type,
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: SINCE,
  })),
  hostIP: '10.0.0.7',
  hostIPs: [{ ip: '10.0.0.7' }],
  podIP: '10.244.3.17',
  podIPs: [{ ip: '10.244.3.17' }],
  startTime: SINCE,
  containerStatuses: [
    {
      name: 'web',
      state: { running: { startedAt: SINCE } },
      lastState: {},
      ready: true,
      restartCount: 0,
      image: 'registry.example/shop/web:1.27.3',
      imageID: 'registry.example/shop/web@sha256:4c1c50d0ffc614f90b93b07d778028dc765548e823f676fb027f61d281ac380d',
      containerID: 'containerd://9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      started: true,
    },
  ],
  qosClass: 'Burstable',
};

/** A request's body, written once; the name and the round are put into copies. */
class Stencil {
  readonly #bytes: Buffer;
  readonly #names: readonly number[];
  readonly #rounds: readonly number[];

  constructor(encoding: Encoding, pod: object) {
    this.#bytes = Buffer.from(encoding.encode(pod));
    this.#names = offsets(this.#bytes, NAME_MARK);
    this.#rounds = offsets(this.#bytes, ROUND_MARK);
    if (this.#names.length === 0 || this.#rounds.length === 0) throw new Error('the pod has no place for its name and round');
  }

  bytes(name: string, round: number): Buffer {
    if (name.length !== NAME_MARK.length) throw new Error(`the name ${name} is not of ${NAME_MARK.length} bytes`);
    const copy = Buffer.from(this.#bytes);
    for (const at of this.#names) copy.write(name, at, 'latin1');
    for (const at of this.#rounds) copy.write(digits(round), at, 'latin1');
    return copy;
  }
}

function offsets(bytes: Buffer, mark: string): readonly number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + mark.length)) found.push(at);
  return found;
}

/** Requests of one encoding. */
export class PodRequests {
  readonly encoding: Encoding;
  readonly #plain: Stencil;
  readonly #running: Stencil;

  /** @param namespaceUid of the namespace, which owns the pods: an owner there is, and of which no controller thinks */
  constructor(encoding: Encoding, namespaceUid: string) {
    this.encoding = encoding;
    const owner = { apiVersion: 'v1', kind: 'Namespace', name: NAMESPACE, uid: namespaceUid, controller: true, blockOwnerDeletion: true };
    const labels = { app: 'web', 'app.kubernetes.io/part-of': 'shop', 'pod-template-hash': '5d9c7b6f4', round: ROUND_MARK };
    const metadata = { name: NAME_MARK, generateName: 'web-5d9c7b6f4-', namespace: NAMESPACE, labels, ownerReferences: [owner] };
    const pod = { kind: 'Pod', apiVersion: 'v1', metadata, spec: SPEC };
    this.#plain = new Stencil(encoding, pod);
    this.#running = new Stencil(encoding, { ...pod, status: STATUS });
  }

  create(name: string) {
    return this.#write('POST', PODS, this.#plain.bytes(name, 0), CREATOR);
  }

  update(name: string, round: number) {
    return this.#write('PUT', `${PODS}/${name}`, this.#plain.bytes(name, round), CREATOR);
  }

  /** As a kubelet says that it runs. */
  status(name: string, round: number) {
    return this.#write('PUT', `${PODS}/${name}/status`, this.#running.bytes(name, round), KUBELET);
  }

  #write(method: string, path: string, body: Buffer, userAgent: string) {
    const { mediaType } = this.encoding;
    return { method, path, accept: mediaType, contentType: mediaType, body, userAgent };
  }
}

/** The namespace with its service account, which admission asks for, and without pods of an earlier run; its UID. */
export async function makeNamespace(connections: Connections): Promise<string> {
  await make(connections, '/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: NAMESPACE } });
  const accounts = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`;
  await make(connections, accounts, { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default', namespace: NAMESPACE } });
  await removePods(connections);
  const namespace = await connections.succeed({ method: 'GET', path: `/api/v1/namespaces/${NAMESPACE}`, accept: JSON_TYPE });
  return (JSON.parse(namespace.toString()) as { metadata: { uid: string } }).metadata.uid;
}

/** Unless it is there already. */
async function make(connections: Connections, path: string, object: object): Promise<void> {
  const ALREADY_EXISTS = 409;
  const body = Buffer.from(JSON.stringify(object));
  const made = await connections.ask({ method: 'POST', path, accept: JSON_TYPE, contentType: JSON_TYPE, body });
  if (made.status >= 400 && made.status !== ALREADY_EXISTS) throw new Error(`cannot make ${path}: ${made.body.toString()}`);
}

const CLIENTS = 64;

/** `each(0)` to the one before `count`, by many clients at once. */
async function byClients(count: number, each: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < count) await each(next++);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** All of them, one by one: a collection of many takes longer than a request may. */
export async function removePods(connections: Connections): Promise<void> {
  const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
  for (;;) {
    const page = await connections.succeed({ method: 'GET', path: `${PODS}?limit=5000`, accept });
    // Upstream's metadata of nothing is null.
    const { items } = JSON.parse(page.toString()) as { items: readonly { metadata: { name: string } }[] | null };
    if (items === null || items.length === 0) return;
    await byClients(items.length, async (i) => {
      const path = `${PODS}/${items[i]?.metadata.name}?gracePeriodSeconds=0`;
      await connections.succeed({ method: 'DELETE', path, accept: JSON_TYPE });
    });
  }
}

/** Running pods, from the one numbered `from` to the one before `to`: made, then told of by their kubelet. */
export async function fillPods(connections: Connections, requests: PodRequests, from: number, to: number): Promise<void> {
  await byClients(to - from, async (i) => {
    const name = podName(from + i);
    await connections.succeed(requests.create(name));
    await connections.succeed(requests.status(name, 0));
  });
}
