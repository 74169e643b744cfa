// What the server itself makes of objects of single kinds, over the real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import { eventsEvents } from '#api/gen/resources.ts';
import {
  csidrivers,
  daemonsets,
  endpointslices,
  events,
  ipaddresses,
  namespaces,
  persistentvolumeclaims,
  persistentvolumes,
  pods,
  resourceclaims,
  serviceaccounts,
} from '#api/resources.ts';
import type { CSIDriver, DaemonSet, EndpointSlice, EventsV1Event, New, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Client } from '#client/contract.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

let running: LoopbackServer;
let client: Client;
before(async () => {
  running = await startLoopbackServer();
  ({ client } = running);
});
after(() => running.stop());

const NS = 'default';
const template = (image: string): object => ({ metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image }] } });

test('a DaemonSet counts the changes of its template in an annotation nobody else can write', async () => {
  const KEY = 'deprecated.daemonset.template.generation';
  const made = await client.create(daemonsets, {
    metadata: { name: 'd', namespace: NS, annotations: { [KEY]: '7' } },
    spec: { selector: { matchLabels: { a: 'b' } }, template: template('i:1') },
  } as New<DaemonSet>);
  assert.equal(made.metadata.annotations?.[KEY], '1');
  const labelled = await client.update(daemonsets, { ...made, metadata: { ...made.metadata, annotations: {} } });
  assert.equal(labelled.metadata.annotations?.[KEY], '1');
  const rolled = await client.update(daemonsets, {
    ...labelled,
    spec: { ...labelled.spec, template: template('i:2') } as DaemonSet['spec'],
  });
  assert.deepEqual([rolled.metadata.annotations?.[KEY], rolled.metadata.generation], ['2', 2]);
  const same = await client.update(daemonsets, rolled);
  assert.equal(same.metadata.resourceVersion, rolled.metadata.resourceVersion, 'nobody comes to own it');
});

test('a DaemonSet is refused where the annotation that counts its templates is no int64', async () => {
  const KEY = 'deprecated.daemonset.template.generation';
  const counted = (count: string): New<DaemonSet> =>
    ({
      metadata: { name: 'miscounted', namespace: NS, annotations: { [KEY]: count } },
      spec: { selector: { matchLabels: { a: 'b' } }, template: template('i:1') },
    }) as New<DaemonSet>;
  const refused = async (write: Promise<unknown>): Promise<readonly unknown[]> => {
    const error: unknown = await write.catch((thrown: unknown) => thrown);
    return isStatusError(error) ? [error.code, error.message] : [error];
  };
  const handled = 'DaemonSet in version "v1" cannot be handled as a DaemonSet: strconv.ParseInt: parsing ';
  assert.deepEqual(await refused(client.create(daemonsets, counted('many'))), [400, `${handled}"many": invalid syntax`]);
  const made = await client.create(daemonsets, counted('-9223372036854775808'));
  const beyond = { ...made, metadata: { ...made.metadata, annotations: { [KEY]: '9223372036854775808' } } };
  assert.deepEqual(await refused(client.update(daemonsets, beyond)), [400, `${handled}"9223372036854775808": value out of range`]);
  const body = { metadata: { annotations: { [KEY]: '' } } };
  const [code, message] = await refused(client.patch(daemonsets, { name: 'miscounted', namespace: NS }, { type: 'merge', body }));
  assert.equal(code, 422);
  assert.match(String(message), /: strconv\.ParseInt: parsing "": invalid syntax$/);
});

const SNAPSHOT = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' };
const POPULATOR = { apiGroup: 'example.com', kind: 'Populator', name: 'p' };
for (const [name, given, dataSource, dataSourceRef] of [
  ['fills the newer field', { dataSource: SNAPSHOT }, SNAPSHOT, SNAPSHOT],
  ['fills the older field', { dataSourceRef: POPULATOR }, POPULATOR, POPULATOR],
  ['drops what the older field never took', { dataSource: POPULATOR }, undefined, undefined],
  ['drops a source in another namespace', { dataSourceRef: { ...SNAPSHOT, namespace: 'other' } }, undefined, undefined],
] as const) {
  test(`the data source of a claim: ${name}`, async () => {
    const { spec } = await client.create(persistentvolumeclaims, {
      metadata: { generateName: 'c-', namespace: NS },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...given },
    } as New<PersistentVolumeClaim>);
    assert.deepEqual([spec.dataSource, spec.dataSourceRef], [dataSource, dataSourceRef]);
  });
}

test('a change of phase of a volume is dated, unless its writer dates it', async () => {
  const { metadata, status } = await client.create(persistentvolumes, {
    metadata: { generateName: 'v-' },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } },
  } as New<PersistentVolume>);
  assert.ok(status.lastPhaseTransitionTime);
  const dated = async (change: object): Promise<string | null | undefined> => {
    const body = { status: change };
    const volume = await client.patch(persistentvolumes, { name: metadata.name }, { type: 'merge', body }, { subresource: 'status' });
    return volume.status.lastPhaseTransitionTime;
  };
  const [first, second] = ['2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z'];
  assert.equal(await dated({ phase: 'Available', lastPhaseTransitionTime: first }), first);
  assert.equal(await dated({ lastPhaseTransitionTime: second }), second, 'the phase is the same, the date is not');
  assert.equal(await dated({ lastPhaseTransitionTime: null }), second);
  assert.notEqual(await dated({ phase: 'Bound', lastPhaseTransitionTime: second }), second);
});

test('a CSIDriver has no generation before its first change', async () => {
  const made = await client.create(csidrivers, { metadata: { name: 'd.example.com' }, spec: {} } as New<CSIDriver>);
  assert.equal(made.metadata.generation, undefined);
  const changed = await client.update(csidrivers, { ...made, spec: { ...made.spec, requiresRepublish: true } });
  assert.equal(changed.metadata.generation, 1);
});

test('an EndpointSlice keeps no topology of its endpoints in the old form, whatever that says', async () => {
  const topology = (hostname: string): object => ({
    endpoints: [{ addresses: ['10.1.2.3'], deprecatedTopology: { 'kubernetes.io/hostname': hostname, '--': 'none' } }],
  });
  const given = { metadata: { name: 'e', namespace: NS }, addressType: 'IPv4', ports: [], ...topology('n') };
  const made = await client.create(endpointslices, given as unknown as New<EndpointSlice>);
  assert.deepEqual(made.endpoints, [{ addresses: ['10.1.2.3'], conditions: {} }]);
  const changed = await client.update(endpointslices, { ...made, ...topology('o') });
  assert.deepEqual([changed.endpoints, changed.metadata.generation], [made.endpoints, 2]);
});

test('a namespace with a name of the server’s making is found by it', async () => {
  const { metadata } = await client.create(namespaces, { metadata: { generateName: 'made-', labels: { a: 'b' } } });
  assert.deepEqual(metadata.labels, { a: 'b', 'kubernetes.io/metadata.name': metadata.name });
});

test('a ServiceAccount keeps names of secrets only, on update too', async () => {
  const made = await client.create(serviceaccounts, { metadata: { name: 'sa', namespace: NS } });
  const updated = await client.update(serviceaccounts, { ...made, secrets: [{ name: 's', namespace: 'x' }] });
  assert.deepEqual(updated.secrets, [{ name: 's' }]);
});

test('an AppArmor annotation becomes a field of its container', async () => {
  const { spec } = await client.create(pods, {
    metadata: { name: 'armored', namespace: NS, annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'localhost/p' } },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  } as New<Pod>);
  assert.deepEqual(spec.containers[0]?.securityContext?.appArmorProfile, { type: 'Localhost', localhostProfile: 'p' });
});

test('an IPAddress counts no generations', async () => {
  const made = await client.create(ipaddresses, {
    metadata: { name: '192.0.2.1' },
    spec: { parentRef: { group: 'example.com', resource: 'gateways', name: 'g' } },
  });
  assert.equal(made.metadata.generation, undefined);
});

test('field labels are those of the version that is read', async () => {
  const regarding = { kind: 'Pod', namespace: NS, name: 'p' };
  await client.create(eventsEvents, {
    metadata: { name: 'e', namespace: NS },
    regarding,
    reason: 'R',
    action: 'A',
    type: 'Normal',
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'example.com/c',
    reportingInstance: 'i',
  });
  const names = async (promise: Promise<{ readonly items: readonly { readonly metadata: { readonly name: string } }[] }>) =>
    (await promise).items.map(({ metadata }) => metadata.name);
  assert.deepEqual(
    await names(client.list(eventsEvents, { namespace: NS, fieldSelector: 'regarding.name=p,reportingController=example.com/c' })),
    ['e'],
  );
  assert.deepEqual(await names(client.list(events, { namespace: NS, fieldSelector: 'involvedObject.name=p' })), ['e']);
  for (const [resource, fieldSelector, message] of [
    [eventsEvents, 'involvedObject.name=p', 'field label not supported: involvedObject.name'],
    [events, 'regarding.name=p', 'field label not supported: regarding.name'],
    [persistentvolumeclaims, 'name=x', '"name" is not a known field selector: only "metadata.name", "metadata.namespace"'],
  ] as const) {
    await assert.rejects(client.list(resource as typeof events, { namespace: NS, fieldSelector }), (error: unknown) => {
      assert.ok(isStatusError(error, 'BadRequest'));
      assert.equal(error.message, message);
      return true;
    });
  }
  assert.deepEqual(await names(client.list(pods, { namespace: NS, fieldSelector: 'spec.host=nowhere' })), []);
});

test('devices are used as an administrator only in a namespace that allows it', async () => {
  const claim = (namespace: string): New<ResourceClaim> => ({
    metadata: { name: 'admin', namespace },
    spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c', allocationMode: 'All', adminAccess: true } }] } },
  });
  await assert.rejects(client.create(resourceclaims, claim(NS)), (error: unknown) => {
    assert.ok(isStatusError(error, 'Invalid'));
    assert.match(error.message, /admin access to devices requires the `resource.kubernetes.io\/admin-access: true` label/);
    return true;
  });
  await client.create(namespaces, { metadata: { name: 'admins', labels: { 'resource.kubernetes.io/admin-access': 'true' } } });
  const made = await client.create(resourceclaims, claim('admins'));
  const device = { driver: 'd.example.com', pool: 'p', device: 'd' };
  const allocation = { devices: { results: [{ request: 'r', ...device }] } };
  const allocated = await client.update(
    resourceclaims,
    {
      ...made,
      metadata: { ...made.metadata, labels: { ignored: 'yes' } },
      status: { allocation, devices: [{ ...device, conditions: [] }] },
    },
    { subresource: 'status' },
  );
  assert.deepEqual([allocated.metadata.labels, allocated.status.devices?.length], [undefined, 1]);
  const { allocation: _allocation, ...released } = allocated.status;
  assert.deepEqual((await client.update(resourceclaims, { ...allocated, status: released }, { subresource: 'status' })).status, {});
});

test('an event written through events.k8s.io keeps to the rules of that group', async () => {
  const event = {
    metadata: { name: 'strict', namespace: NS },
    regarding: { namespace: NS },
    reason: 'Test',
    action: 'Do',
    note: 'first',
    type: 'Normal',
    reportingController: 'c',
    reportingInstance: 'i',
    eventTime: '2026-01-01T00:00:00.000000Z',
  } as const;
  const { eventTime: _, ...timeless } = event;
  const refused = (promise: Promise<unknown>, message: RegExp): Promise<void> => assert.rejects(promise, { reason: 'Invalid', message });
  await refused(client.create(eventsEvents, timeless as New<EventsV1Event>), /"strict" is invalid: eventTime: Required value$/);
  await client.create(eventsEvents, event as New<EventsV1Event>);
  const change = (body: object) => client.patch(eventsEvents, { name: 'strict', namespace: NS }, { type: 'merge', body });
  await refused(change({ action: 'Undo' }), /is invalid: action: Invalid value: "Undo": field is immutable$/);
  assert.equal((await change({ note: 'second' })).note, 'second');
  await refused(
    change({ series: { count: 1 } }),
    /series.count: Invalid value: "": should be at least 2, series.lastObservedTime: Required/,
  );
  const { series } = await change({ series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000001Z' } });
  assert.deepEqual(series, { count: 2, lastObservedTime: '2026-01-01T00:00:01.000001Z' });
  const lax = await client.patch(events, { name: 'strict', namespace: NS }, { type: 'merge', body: { message: 'third' } });
  assert.equal(lax.message, 'third', 'the core group lets it change');
});

test('a server that allows no privileged containers refuses a pod of one, and says so', async () => {
  const strict = await startLoopbackServer({ options: { capabilities: { privileged: false } } });
  try {
    const containers = [{ name: 'c', image: 'i', securityContext: { privileged: true } }];
    await assert.rejects(strict.client.create(pods, { metadata: { name: 'p', namespace: NS }, spec: { containers } } as New<Pod>), {
      reason: 'Invalid',
      message: 'Pod "p" is invalid: spec.containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy',
    });
  } finally {
    await strict.stop();
  }
});
