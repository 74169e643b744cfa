// What a write and a read of one Pod cost, step by step, beside JSON.parse and JSON.stringify in the same run:
// `node bench/codec.ts [--rounds 50000]`.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { decodeValue } from '#api/decode.ts';
import { applyDefaults } from '#api/defaults.ts';
import { encodeJson } from '#api/encode.ts';
import { messageCodec } from '#api/protobuf/codec.ts';
import { schemaOfDefinition } from '#api/schema.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '50000' } } });
const rounds = Number(values.rounds);

const probe = { httpGet: { path: '/healthz', port: 'http' } };
const written = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    name: 'web-5d9c7b6f4-x2x8v',
    generateName: 'web-5d9c7b6f4-',
    namespace: 'default',
    labels: { app: 'web', 'pod-template-hash': '5d9c7b6f4' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'e4f6d1e2-4a0f-4d0b-a1dc-3f0e8f7f8a10', controller: true },
    ],
  },
  spec: {
    containers: ['web', 'proxy'].map((name) => ({
      name,
      image: 'nginx:1.27',
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
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
  },
  status: {
    phase: 'Running',
    conditions: ['Ready', 'Initialized', 'PodScheduled'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: '2026-01-02T03:04:07Z',
    })),
    podIP: '10.244.0.5',
    startTime: '2026-01-02T03:04:05Z',
  },
};

const pod = schemaOfDefinition('io.k8s.api.core.v1.Pod');
const strict = { fieldValidation: 'Strict' } as const;
const codec = messageCodec(pod);
const body = JSON.stringify(written);
const stored = applyDefaults(decodeValue<object>(written, pod, strict).object, pod, 0);
const text = JSON.stringify(stored);
const bytes = codec.encode(stored);

function measure(name: string, step: () => unknown): void {
  for (let i = 0; i < rounds / 5; i++) step();
  const start = performance.now();
  for (let i = 0; i < rounds; i++) step();
  console.log(`${name.padEnd(34)} ${(((performance.now() - start) / rounds) * 1000).toFixed(2).padStart(7)} us`);
}

console.log(
  `node ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'}; ${body.length} B written, ${text.length} B stored, ${bytes.length} B protobuf`,
);
measure('JSON.parse of the body', () => JSON.parse(body));
const parsed = JSON.parse(body) as unknown;
const canonical = decodeValue<object>(parsed, pod, strict).object;
measure('decode', () => decodeValue(parsed, pod, strict));
measure('default (a new object)', () => applyDefaults(canonical, pod, 0));
measure('default (nothing to add)', () => applyDefaults(stored, pod, 0));
measure('parse, decode, default, encode', () =>
  encodeJson(applyDefaults(decodeValue<object>(JSON.parse(body), pod, strict).object, pod, 0)),
);
measure('JSON.parse of the stored object', () => JSON.parse(text));
measure('encode JSON', () => encodeJson(stored));
measure('encode protobuf', () => codec.encode(stored));
measure('decode protobuf', () => codec.decode(bytes));
measure('decode protobuf, canonical', () => decodeValue({ kind: 'Pod', apiVersion: 'v1', ...codec.decode(bytes) }, pod, strict));
