// What the small parts of every request cost: `node bench/apimachinery.ts [--rounds 50000]`.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { applyDefaults } from '#api/defaults.ts';
import { decodeValue } from '#api/decode.ts';
import { schemaOfDefinition } from '#api/schema.ts';
import { validateCreate, validateUpdate } from '#api/validation/validation.ts';
import { apply, trackUpdate } from '#apimachinery/apply/apply.ts';
import type { JsonObject } from '#apimachinery/json-value.ts';
import { parseJson, parseJsonStrict } from '#apimachinery/json.ts';
import { parseLabelSelector } from '#apimachinery/labels.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import { strategicMergePatch } from '#apimachinery/strategic-merge-patch.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '50000' } } });
const rounds = Number(values.rounds);

function measure(name: string, step: () => unknown): void {
  for (let i = 0; i < rounds / 5; i++) step();
  const start = performance.now();
  for (let i = 0; i < rounds; i++) step();
  console.log(`${name.padEnd(36)} ${(((performance.now() - start) / rounds) * 1000).toFixed(3).padStart(9)} us`);
}

console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'}`);

for (const text of ['100m', '128Mi', '1.5Gi', '2', '12345678901234567890']) measure(`parseQuantity ${text}`, () => parseQuantity(text));
const [small, large] = [parseQuantity('100m'), parseQuantity('2')];
measure('quantity cmp', () => small.cmp(large));
measure('quantity add and print', () => small.add(large).toString());

const labels = { app: 'web', tier: 'front', 'pod-template-hash': '5d9c7b6f4' };
const simple = parseLabelSelector('app=web');
const rich = parseLabelSelector('app in (web,api),tier!=back,!canary');
measure('parseLabelSelector app in (…),…', () => parseLabelSelector('app in (web,api),tier!=back,!canary'));
measure('selector app=web matches', () => simple.matches(labels));
measure('selector of three matches', () => rich.matches(labels));

const written = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', labels },
  spec: {
    containers: ['web', 'proxy'].map((name) => ({
      name,
      image: 'nginx:1.27',
      ports: [{ name, containerPort: 80 }],
      env: [{ name: 'LEVEL', value: 'info' }],
      resources: { limits: { cpu: '500m', memory: '256Mi' } },
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
      readinessProbe: { httpGet: { path: '/', port: 80 } },
    })),
    volumes: [{ name: 'data', emptyDir: {} }],
  },
};
const body = JSON.stringify(written);
measure(`JSON.parse, ${body.length} B`, () => JSON.parse(body));
measure('parseJson', () => parseJson(body));
measure('parseJsonStrict (duplicates noted)', () => parseJsonStrict(body));

const schema = schemaOfDefinition('io.k8s.api.core.v1.Pod');
const kind = { group: '', kind: 'Pod' };
const pod = applyDefaults(decodeValue<JsonObject>(written, schema, { fieldValidation: 'Strict' }).object, schema, 0);
const stored: JsonObject = {
  ...pod,
  metadata: { ...(pod['metadata'] as object), uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', generation: 1 },
};
const labelled: JsonObject = { ...stored, metadata: { ...(stored['metadata'] as object), labels: { ...labels, new: 'x' } } };
measure('validateCreate of a pod', () => validateCreate(stored, kind));
measure('validateUpdate of a pod', () => validateUpdate(labelled, stored, kind));
measure('strategic merge of a label', () => strategicMergePatch(stored, { metadata: { labels: { new: 'x' } } }, schema));

const write = { schema, apiVersion: 'v1', kind: 'Pod', manager: 'bench', now: 0 };
const tracked = trackUpdate(undefined, stored, write);
const changed: JsonObject = { ...tracked, metadata: { ...(tracked['metadata'] as object), labels: { ...labels, new: 'x' } } };
measure('trackUpdate of a create', () => trackUpdate(undefined, stored, write));
measure('trackUpdate of a label', () => trackUpdate(tracked, changed, { ...write, manager: 'other' }));
const applied = apply(tracked, written, { ...write, force: true });
measure('apply of a pod that is as applied', () => apply(applied, written, { ...write, force: true }));
