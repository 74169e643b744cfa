// What single kinds let a PUT do, and what their status endpoints leave alone. Source: registry strategies
// AllowUnconditionalUpdate, AllowCreateOnUpdate, status PrepareForUpdate, GetResetFields.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  apiservices,
  csidrivers,
  csinodes,
  csistoragecapacities,
  events,
  flowschemas,
  limitranges,
  nodes,
  prioritylevelconfigurations,
  runtimeclasses,
  storageclasses,
  validatingadmissionpolicies,
  volumeattachments,
} from '#api/resources.ts';
import type { KubeObject, LimitRange, New } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Client } from '#client/contract.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

let running: LoopbackServer;
let client: Client;
before(async () => {
  running = await startLoopbackServer();
  ({ client } = running);
});
after(() => running.stop());

/** The resources differ in type only. */
type Any = Resource<KubeObject>;
const any = (resource: unknown): Any => resource as Any;

const CASES: readonly (readonly [resource: unknown, rest: object])[] = [
  [csidrivers, { spec: {} }],
  [csinodes, { spec: { drivers: [] } }],
  [csistoragecapacities, { storageClassName: 'c' }],
  [flowschemas, { spec: { priorityLevelConfiguration: { name: 'exempt' } } }],
  [prioritylevelconfigurations, { spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } }],
  [runtimeclasses, { handler: 'h' }],
  [storageclasses, { provisioner: 'p.example.com' }],
  [volumeattachments, { spec: { attacher: 'a.example.com', nodeName: 'n', source: { persistentVolumeName: 'v' } } }],
];
/** Kinds whose PUT has to say of which version it speaks. */
const CONDITIONAL: ReadonlySet<unknown> = new Set([csidrivers, csinodes, csistoragecapacities, runtimeclasses, volumeattachments]);
/** Kinds that a PUT makes. */
const MADE_BY_PUT: ReadonlySet<unknown> = new Set([runtimeclasses]);

for (const [resource, rest] of CASES) {
  const { resource: plural } = any(resource);
  const named = (name: string): New<KubeObject> =>
    ({ metadata: { name, ...(resource === csistoragecapacities ? { namespace: 'default' } : {}) }, ...rest }) as New<KubeObject>;

  test(`a PUT of ${plural} without a resourceVersion is ${CONDITIONAL.has(resource) ? 'refused' : 'taken'}`, async () => {
    await client.create(any(resource), named('there'));
    const put = client.update(any(resource), { ...named('there') });
    if (!CONDITIONAL.has(resource)) return void (await put);
    await assert.rejects(put, {
      reason: 'Invalid',
      message: /metadata\.resourceVersion: Invalid value: 0: must be specified for an update$/,
    });
  });

  test(`a PUT of ${plural} that are not there is ${MADE_BY_PUT.has(resource) ? 'a create' : 'refused'}`, async () => {
    const put = client.update(any(resource), named('new'));
    if (!MADE_BY_PUT.has(resource)) return assert.rejects(put, { reason: 'NotFound' });
    assert.equal((await put).metadata.name, 'new');
  });
}

/** Accepts everything. */
const POLICY = {
  matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] },
  validations: [{ expression: 'true' }],
};

for (const [resource, rest, name] of [
  [apiservices, { spec: { group: 'e.example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 } }, 'v1.e.example.com'],
  [flowschemas, { spec: { priorityLevelConfiguration: { name: 'exempt' } } }, 'labelled'],
  [prioritylevelconfigurations, { spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } }, 'labelled'],
  [validatingadmissionpolicies, { spec: POLICY }, 'labelled'],
  [volumeattachments, { spec: { attacher: 'a.example.com', nodeName: 'n', source: { persistentVolumeName: 'v' } } }, 'labelled'],
] as const) {
  test(`the status endpoint of ${any(resource).resource} leaves labels, annotations and finalizers alone`, async () => {
    const made = await client.create(any(resource), { metadata: { name, labels: { a: 'b' } }, ...rest } as New<KubeObject>);
    const changes = { labels: { a: 'c' }, annotations: { d: 'e' }, finalizers: ['example.com/f'] };
    const { metadata } = await client.patch(
      any(resource),
      { name },
      { type: 'merge', body: { metadata: changes } },
      { subresource: 'status' },
    );
    const { labels, annotations, finalizers } = metadata;
    assert.deepEqual({ labels, annotations, finalizers }, { labels: made.metadata.labels, annotations: undefined, finalizers: undefined });
  });
}

test('a new Node takes no configuration source', async () => {
  const configMap = { name: 'c', namespace: 'n', kubeletConfigKey: 'k' };
  const { spec, status } = await client.create(nodes, {
    metadata: { name: 'n' },
    spec: { configSource: { configMap } },
    status: { config: { error: 'e' } },
  });
  assert.deepEqual([spec?.configSource, status?.config], [undefined, undefined]);
  const body = { metadata: { labels: { a: 'b' } }, spec: { unschedulable: true }, status: { config: { error: 'e' }, phase: 'Running' } };
  const later = await client.patch(nodes, { name: 'n' }, { type: 'merge', body }, { subresource: 'status' });
  assert.deepEqual([later.status?.config, later.status?.phase, later.spec?.unschedulable], [undefined, 'Running', undefined]);
});

test('a LimitRange without a name gets one', async () => {
  const { metadata } = await client.create(limitranges, {
    metadata: { namespace: 'default' },
    spec: { limits: [] },
  } as unknown as New<LimitRange>);
  assert.match(metadata.name, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

test('an Event is deleted at once, whatever is asked for its dependents', async () => {
  for (const propagationPolicy of ['Foreground', 'Orphan'] as const) {
    const ref = { name: propagationPolicy.toLowerCase(), namespace: 'default' };
    await client.create(events, { metadata: ref, involvedObject: { namespace: 'default' } });
    await client.delete(events, ref, { propagationPolicy });
    await assert.rejects(client.get(events, ref), { reason: 'NotFound' });
  }
});
