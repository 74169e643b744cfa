// The protobuf codec beside JSON in the same run, over one Pod: `node bench/protobuf.ts [--seconds 4] [--interpreted]`.
// They take turns in short slices, so that a busy machine slows both alike; medians over the slices are printed.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { SCALAR_HOOKS } from '#api/protobuf/hooks.ts';
import { protoSchema } from '#api/protobuf/messages.ts';
import { compileCodec } from '#base/protobuf/codec.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '4' }, interpreted: { type: 'boolean', default: false } },
});

/** Operations in a slice. */
const SLICE = 1000;
/** Slices thrown away while the code warms up. */
const WARM_UP = 10;

const uid = (n: number): string => `2f1c6d2e-0c0a-4c8e-9a47-5a1f6c4b1e3${n}`;
const time = '2026-01-02T03:04:05Z';
const fieldRef = (fieldPath: string): object => ({ fieldRef: { apiVersion: 'v1', fieldPath } });

/** What a Deployment's pod looks like once it runs: about 2.6 KB as protobuf. */
const written = {
  metadata: {
    name: 'web-7c5ddbdf54-abcde',
    generateName: 'web-7c5ddbdf54-',
    namespace: 'default',
    uid: uid(1),
    resourceVersion: '123456',
    generation: 1,
    creationTimestamp: time,
    labels: { app: 'web', 'pod-template-hash': '7c5ddbdf54', tier: 'frontend' },
    annotations: { 'kubectl.kubernetes.io/restartedAt': time, 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9113' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-7c5ddbdf54', uid: uid(2), controller: true, blockOwnerDeletion: true },
    ],
  },
  spec: {
    volumes: [
      { name: 'config', configMap: { name: 'web-config', defaultMode: 420 } },
      {
        name: 'kube-api-access-abcde',
        projected: {
          sources: [
            { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            { downwardAPI: { items: [{ path: 'namespace', ...fieldRef('metadata.namespace') }] } },
          ],
          defaultMode: 420,
        },
      },
    ],
    containers: ['web', 'metrics-exporter'].map((name) => ({
      name,
      image: `registry.example.com/library/${name}:1.25.3`,
      command: ['/bin/sh', '-c'],
      args: ["exec nginx -g 'daemon off;'"],
      ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
      env: [
        { name: 'POD_IP', valueFrom: fieldRef('status.podIP') },
        { name: 'MODE', value: 'production' },
        { name: 'LOG_LEVEL', value: 'info' },
      ],
      resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
      volumeMounts: [
        { name: 'config', mountPath: '/etc/nginx/conf.d' },
        { name: 'kube-api-access-abcde', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
      ],
      livenessProbe: {
        httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' },
        timeoutSeconds: 1,
        periodSeconds: 10,
        successThreshold: 1,
        failureThreshold: 3,
      },
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      imagePullPolicy: 'IfNotPresent',
    })),
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    serviceAccount: 'default',
    nodeName: 'node-1.example.com',
    securityContext: { runAsUser: 1000, fsGroup: 2000 },
    schedulerName: 'default-scheduler',
    tolerations: ['not-ready', 'unreachable'].map((condition) => ({
      key: `node.kubernetes.io/${condition}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    })),
    priority: 0,
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
  },
  status: {
    phase: 'Running',
    conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: time,
    })),
    hostIP: '10.0.0.5',
    hostIPs: [{ ip: '10.0.0.5' }],
    podIP: '10.244.1.17',
    podIPs: [{ ip: '10.244.1.17' }],
    startTime: time,
    containerStatuses: ['web', 'metrics-exporter'].map((name) => ({
      name,
      state: { running: { startedAt: time } },
      lastState: {},
      ready: true,
      restartCount: 0,
      image: `registry.example.com/library/${name}:1.25.3`,
      imageID: `registry.example.com/library/${name}@sha256:0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31`,
      containerID: 'containerd://4d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b39',
      started: true,
    })),
    qosClass: 'Burstable',
  },
};

const mode = values.interpreted ? 'interpreted' : 'compiled';
const codec = compileCodec(protoSchema(), { mode, bytes: 'base64', hooks: SCALAR_HOOKS }).message('k8s.io.api.core.v1.Pod');
// Read from JSON, as objects are that a server holds.
const pod = JSON.parse(JSON.stringify(written)) as typeof written;
const bytes = codec.encode(pod);
const json = Buffer.from(JSON.stringify(pod));

const OPERATIONS: Readonly<Record<string, () => unknown>> = {
  'protobuf decode': () => codec.decode(bytes),
  'protobuf encode': () => codec.encode(pod),
  'JSON.parse': () => JSON.parse(json.toString()) as unknown,
  'JSON.stringify': () => JSON.stringify(pod),
  'JSON to bytes': () => Buffer.from(JSON.stringify(pod)),
};

const times = new Map<string, number[]>(Object.keys(OPERATIONS).map((name) => [name, []]));
const end = performance.now() + Number(values.seconds) * 1000;
while (performance.now() < end || (times.get('JSON.parse')?.length ?? 0) <= WARM_UP) {
  for (const [name, run] of Object.entries(OPERATIONS)) {
    const start = performance.now();
    for (let i = 0; i < SLICE; i++) run();
    times.get(name)?.push((performance.now() - start) / SLICE);
  }
}

console.log(
  `Node ${process.version}, ${cpus()[0]?.model} × ${cpus().length}; ${mode}; one Pod: ${bytes.length} bytes of protobuf, ${json.length} of JSON\n`,
);
for (const [name, all] of times) {
  const sorted = all.slice(WARM_UP).toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  console.log(
    `${name.padEnd(20)}${(median * 1000).toFixed(1).padStart(6)} µs${Math.round(1 / median)
      .toString()
      .padStart(6)} k/s`,
  );
}
