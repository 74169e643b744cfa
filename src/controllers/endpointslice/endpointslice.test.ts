import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointslices, nodes, pods, services } from '#api/resources.ts';
import type { EndpointSlice, Pod, Service } from '#api/types.ts';
import { startController } from '../testing.ts';
import type { Client } from '#client/contract.ts';
import { endpointSliceController } from './controller.ts';
import { targetsOfPod } from './endpoints.ts';
import { KnownPods } from './known-pods.ts';
import { planSlices as planFor, type SlicePlan, sourceOf } from './plan.ts';
import type { Target } from './target.ts';

const service = (spec: object = {}): Service =>
  ({
    metadata: { name: 'web', namespace: 'ns', uid: 's', labels: { tier: 'front' } },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.1',
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'http' }],
      ...spec,
    },
    status: {},
  }) as unknown as Service;

const pod = (
  name: string,
  ip: string,
  more: { readonly ready?: boolean; readonly port?: number; readonly deleting?: boolean; readonly phase?: string } = {},
): Pod =>
  ({
    metadata: {
      name,
      namespace: 'ns',
      uid: name,
      labels: { app: 'web' },
      ...(more.deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { nodeName: 'n1', containers: [{ name: 'c', ports: [{ name: 'http', protocol: 'TCP', containerPort: more.port ?? 8080 }] }] },
    status: { phase: more.phase ?? 'Running', podIP: ip, conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }] },
  }) as unknown as Pod;

const dualPod = ((two) => ({ ...two, status: { ...two.status, podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] } }) as Pod)(
  pod('a', '10.0.0.1'),
);

const planSlices = (of: Service, ...rest: [Parameters<typeof planFor>[1], Parameters<typeof planFor>[2]]) =>
  planFor(sourceOf(of, undefined), ...rest);

const targets = (list: readonly Pod[], s = service(), zone?: string): readonly Target[] =>
  list.flatMap((each) => targetsOfPod(s, each, zone));

const writesOf = ({ create, update, delete: gone }: SlicePlan) => ({ create, update, delete: gone });

/** `name ports addresses` of each slice. */
const seenOf = ({ create, update, delete: gone }: SlicePlan) => {
  const told = ({ metadata, ports, endpoints }: SlicePlan['create'][number]): string =>
    `${metadata?.name ?? ''} ${(ports ?? []).map(({ port }) => port).join()} ${(endpoints ?? []).flatMap(({ addresses }) => addresses).join()}`;
  return { create: create.map(told), update: update.map(told), delete: gone.map(told) };
};

/** The slices as the server would have them after the plan. */
function after(plan: ReturnType<typeof planSlices>, before: readonly EndpointSlice[] = []): readonly EndpointSlice[] {
  const kept = before
    .filter((slice) => !plan.delete.includes(slice))
    .map((slice) => plan.update.find((u) => u.metadata.name === slice.metadata.name) ?? slice);
  const created = plan.create.map(
    (slice, i) => ({ ...slice, metadata: { ...slice.metadata, name: `web-${before.length + i}`, uid: `u${i}` } }) as EndpointSlice,
  );
  return [...kept, ...created];
}

test('targetsOfPod tells readiness and termination apart, and leaves finished pods out', () => {
  const found = targets([
    pod('a', '10.0.0.1'),
    pod('b', '10.0.0.2', { ready: false }),
    pod('c', '10.0.0.3', { deleting: true }),
    pod('d', '10.0.0.4', { phase: 'Failed' }),
  ]);
  assert.deepEqual(
    found.map((t) => [t.endpoint.addresses[0], t.endpoint.conditions]),
    [
      ['10.0.0.1', { ready: true, serving: true, terminating: false }],
      ['10.0.0.2', { ready: false, serving: false, terminating: false }],
      ['10.0.0.3', { ready: false, serving: true, terminating: true }],
    ],
  );
});

test('planSlices makes one slice with the labels watchers look for, and rests then', () => {
  const list = targets([pod('a', '10.0.0.1'), pod('b', '10.0.0.2')]);
  const plan = planSlices(service(), list, []);
  assert.equal(plan.create.length, 1);
  assert.deepEqual(plan.create[0]?.metadata?.labels, {
    tier: 'front',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    'kubernetes.io/service-name': 'web',
  });
  assert.deepEqual(writesOf(planSlices(service(), list, after(plan))), { create: [], update: [], delete: [] });
});

test('planSlices groups pods by the number that a named port has with them', () => {
  const plan = planSlices(service(), targets([pod('a', '10.0.0.1'), pod('b', '10.0.0.2', { port: 9090 })]), []);
  assert.deepEqual(
    plan.create.map((slice) => slice.ports?.[0]?.port ?? 0).toSorted((a, b) => a - b),
    [8080, 9090],
  );
});

test('planSlices splits at 100 endpoints and writes only the slice that changes', () => {
  const many = Array.from({ length: 250 }, (_, i) => pod(`p${i}`, `10.0.${Math.floor(i / 200)}.${i % 200}`));
  const slices = after(planSlices(service(), targets(many), []));
  assert.deepEqual(
    slices.map((slice) => slice.endpoints?.length),
    [100, 100, 50],
  );
  const plan = planSlices(service(), targets(many.slice(1)), slices);
  assert.deepEqual([plan.create.length, plan.update.length, plan.delete.length], [0, 1, 0]);
});

test('planSlices keeps one empty slice for a Service without endpoints', () => {
  const empty = after(planSlices(service(), [], []));
  assert.deepEqual(
    empty.map((slice) => [slice.endpoints, slice.ports]),
    [[[], []]],
  );
  assert.deepEqual(writesOf(planSlices(service(), [], empty)), { create: [], update: [], delete: [] });
});

test('planSlices uses a slice again that would go for one that would be made, so that nobody sees the Service without', () => {
  const empty = after(planSlices(service(), [], []));
  const filled = planSlices(service(), targets([pod('a', '10.0.0.1')]), empty);
  assert.deepEqual(seenOf(filled), { create: [], update: ['web-0 8080 10.0.0.1'], delete: [] });
  const other = planSlices(service(), targets([pod('a', '10.0.0.1', { port: 9090 })]), after(filled, empty));
  assert.deepEqual(seenOf(other), { create: [], update: ['web-0 9090 10.0.0.1'], delete: [] });
  assert.deepEqual(seenOf(planSlices(service(), [], after(filled, empty))), { create: [], update: ['web-0  '], delete: [] });
});

test('planSlices neither fills nor keeps slices of a Service of the same name that is gone, nor of a family that was given up', () => {
  const list = targets([pod('a', '10.0.0.1')]);
  const slices = after(planSlices(service(), list, []));
  const again = { ...service(), metadata: { ...service().metadata, uid: 't' } } as Service;
  assert.deepEqual(seenOf(planSlices(again, list, slices)), { create: [' 8080 10.0.0.1'], update: [], delete: ['web-0 8080 10.0.0.1'] });

  const dual = targets([dualPod], service());
  const both = after(planSlices(service({ ipFamilies: ['IPv4', 'IPv6'] }), dual, []));
  assert.deepEqual(seenOf(planSlices(service({ ipFamilies: ['IPv4'] }), dual, both)), {
    create: [],
    update: [],
    delete: ['web-1 8080 fd00::1'],
  });
});

test('planSlices makes nothing for a Service that is being deleted', () => {
  const going = { ...service(), metadata: { ...service().metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } as Service;
  assert.deepEqual(seenOf(planSlices(going, targets([pod('a', '10.0.0.1')]), [])), { create: [], update: [], delete: [] });
});

test('planSlices gives slices the labels of their Service, but for those that are its own to say', () => {
  const labels = { tier: 'front', 'service.kubernetes.io/headless': '', 'kubernetes.io/service-name': 'other' };
  const labelled = { ...service(), metadata: { ...service().metadata, labels } } as Service;
  assert.deepEqual(planSlices(labelled, [], []).create[0]?.metadata?.labels, {
    tier: 'front',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    'kubernetes.io/service-name': 'web',
  });
});

test('targetsOfPod gives a pod of two families an endpoint in each, and planSlices a slice for each family of the Service', () => {
  const plan = planSlices(service({ ipFamilies: ['IPv6', 'IPv4'] }), targets([dualPod]), []);
  assert.deepEqual(plan.create.map((slice) => `${slice.addressType} ${slice.endpoints?.[0]?.addresses?.[0]}`).toSorted(), [
    'IPv4 10.0.0.1',
    'IPv6 fd00::1',
  ]);
  assert.deepEqual(
    planSlices(service(), targets([dualPod]), []).create.map((slice) => slice.addressType),
    ['IPv4'],
  );
});

for (const [distribution, want] of [
  ['PreferClose', { forZones: [{ name: 'z1' }] }],
  ['PreferSameZone', { forZones: [{ name: 'z1' }] }],
  ['PreferSameNode', { forZones: [{ name: 'z1' }], forNodes: [{ name: 'n1' }] }],
  [undefined, undefined],
] as const) {
  test(`targetsOfPod hints for ${distribution ?? 'no distribution'}, and not for what is not ready`, () => {
    const list = [pod('a', '10.0.0.1'), pod('b', '10.0.0.2', { ready: false })];
    const found = targets(list, service({ trafficDistribution: distribution }), 'z1');
    assert.deepEqual(
      found.map(({ endpoint }) => endpoint.hints),
      [want, undefined],
    );
  });
}

test('publishNotReadyAddresses makes endpoints ready that do not serve yet', () => {
  const [found] = targets([pod('a', '10.0.0.1', { ready: false })], service({ publishNotReadyAddresses: true }));
  assert.deepEqual(found?.endpoint.conditions, { ready: true, serving: false, terminating: false });
});

test('KnownPods tells when the oldest change began, once', () => {
  const known = new KnownPods(() => undefined);
  const at = (name: string, time: string): Pod =>
    ({
      metadata: { name, namespace: 'ns' },
      status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: time }] },
    }) as unknown as Pod;
  const of = { ...service(), metadata: { ...service().metadata, creationTimestamp: '2026-01-01T00:00:09Z' } } as Service;
  const next = (list: readonly Pod[]): string | undefined => known.look('ns/web', of, list).triggerTime;
  assert.equal(next([at('a', '2026-01-01T00:00:01Z')]), '2026-01-01T00:00:01Z');
  assert.equal(next([at('a', '2026-01-01T00:00:01Z')]), undefined);
  assert.equal(next([at('a', '2026-01-01T00:00:05Z'), at('b', '2026-01-01T00:00:04Z')]), '2026-01-01T00:00:04Z');
  known.forget('ns/web');
  assert.equal(next([]), '2026-01-01T00:00:09Z');
});

test('KnownPods makes anew what changed, forgets who went, and all of it for another Service or when told so', () => {
  const made: string[] = [];
  const known = new KnownPods((_, { metadata }) => {
    made.push(metadata.name);
    return metadata.name;
  });
  const [a, b, of] = [pod('a', '10.0.0.1'), pod('b', '10.0.0.2'), service()];
  const look = (list: readonly Pod[], s = of): string => {
    made.length = 0;
    return `${known.look('ns/web', s, list).values.join()}: ${made.join()}`;
  };
  assert.equal(look([a, b]), 'a,b: a,b');
  assert.equal(look([b, a]), 'b,a: ');
  assert.equal(look([a, pod('b', '10.0.0.3')]), 'a,b: b');
  assert.equal(look([b]), 'b: b');
  assert.equal(look([a, b]), 'a,b: a');
  assert.equal(look([a, b], service()), 'a,b: a,b');
  known.outdate();
  assert.equal(look([a, b], service()), 'a,b: a,b');
});

test('planSlices counts endpoints that come and go', () => {
  const slices = after(planSlices(service(), targets([pod('a', '10.0.0.1'), pod('b', '10.0.0.2')]), []));
  const { added, removed, desired } = planSlices(service(), targets([pod('b', '10.0.0.2'), pod('c', '10.0.0.3')]), slices);
  assert.deepEqual([added, removed, desired], [1, 1, 1]);
});

const withNode = async (client: Client): Promise<void> => void (await client.create(nodes, { metadata: { name: 'n1' } }));

test('the controller mends a slice that somebody else changed', async () => {
  const { client, until, stop } = await startController(endpointSliceController, withNode);
  await client.create(services, {
    metadata: { name: 'web', namespace: 'ns' },
    spec: { type: 'ClusterIP', selector: { app: 'web' }, ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }] },
  });
  const { metadata, spec, status } = pod('a', '10.0.0.1');
  await client.create(pods, { metadata: { name: metadata.name, namespace: 'ns', labels: metadata.labels }, spec });
  await client.update(pods, { ...(await client.get(pods, metadata)), status }, { subresource: 'status' });
  const addresses = async () => {
    const { items } = await client.list(endpointslices);
    return items.flatMap((slice) => slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses);
  };
  await until(async () => ((await addresses()).join() === '10.0.0.1' ? true : undefined));
  const [slice] = (await client.list(endpointslices)).items.filter(({ endpoints }) => (endpoints ?? []).length > 0);
  await client.update(endpointslices, { ...(slice as EndpointSlice), endpoints: [] });
  await until(async () => ((await addresses()).join() === '10.0.0.1' ? true : undefined));
  await stop();
});

test('the controller follows pods as they become ready and go', async () => {
  const { client, until, stop } = await startController(endpointSliceController, withNode);
  await client.create(services, {
    metadata: { name: 'web', namespace: 'ns' },
    spec: { type: 'ClusterIP', selector: { app: 'web' }, ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }] },
  });
  const { metadata, spec, status } = pod('a', '10.0.0.1', { ready: false });
  await client.create(pods, { metadata: { name: metadata.name, namespace: 'ns', labels: metadata.labels }, spec });
  await client.update(pods, { ...(await client.get(pods, metadata)), status }, { subresource: 'status' });
  const ready = (want: boolean | undefined) =>
    until(async () => {
      const [endpoint] = (await client.list(endpointslices)).items.flatMap((slice) => slice.endpoints ?? []);
      return endpoint?.conditions.ready === want ? true : undefined;
    });
  await ready(false);
  await client.update(pods, { ...(await client.get(pods, metadata)), status: pod('a', '10.0.0.1').status }, { subresource: 'status' });
  await ready(true);
  await client.delete(pods, metadata, { gracePeriodSeconds: 0 });
  await ready(undefined);
  await stop();
});

const ips = (...last: readonly number[]): readonly Pod[] => last.map((n) => pod(`p${n}`, `10.0.0.${n}`));

/** Slices that hold these pods, one for each list. */
const holding = (...lists: readonly (readonly number[])[]): readonly EndpointSlice[] =>
  lists.flatMap((list, i) =>
    after(planSlices(service(), targets(ips(...list)), [])).map(
      (slice) => ({ ...slice, metadata: { ...slice.metadata, name: `web-${i}`, uid: `u${i}` } }) as EndpointSlice,
    ),
  );

const addresses = (...last: readonly number[]): string => last.map((n) => `10.0.0.${n}`).join();

for (const { what, slices, wanted, labels = { tier: 'front' }, seen } of [
  {
    what: 'go as a whole into the fullest slice that has the room',
    slices: holding([1], [2, 3], [4, 5, 6]),
    wanted: [1, 2, 3, 4, 5, 6, 7, 8],
    seen: { create: [], update: [`web-1 8080 ${addresses(2, 3, 7, 8)}`], delete: [] },
  },
  {
    what: 'are not spread over slices that nobody writes: one new slice is one write',
    slices: holding([1, 2], [3, 4]),
    wanted: [1, 2, 3, 4, 5, 6, 7],
    seen: { create: [` 8080 ${addresses(5, 6, 7)}`], update: [], delete: [] },
  },
  {
    what: 'fill up the slices that are written anyway, the fullest first',
    slices: holding([1, 2], [3, 4, 5, 6], [7]),
    wanted: [1, 3, 4, 5, 7, 8, 9],
    seen: { create: [], update: [`web-0 8080 ${addresses(1, 9)}`, `web-1 8080 ${addresses(3, 4, 5, 8)}`], delete: [] },
  },
  {
    what: 'that fill a slice get a new one, and the rest goes where room is',
    slices: holding([1]),
    wanted: [1, 2, 3, 4, 5, 6, 7],
    seen: { create: [` 8080 ${addresses(2, 3, 4, 5)}`], update: [`web-0 8080 ${addresses(1, 6, 7)}`], delete: [] },
  },
  {
    what: 'fit in a slice of the service: one that lost all it had goes',
    slices: holding([1], [2]),
    wanted: [2, 3],
    seen: { create: [], update: [`web-1 8080 ${addresses(2, 3)}`], delete: [`web-0 8080 ${addresses(1)}`] },
  },
  {
    what: 'go into slices that get other labels',
    slices: holding([1], [2, 3]),
    wanted: [1, 2, 3, 4, 5, 6],
    labels: { tier: 'back' },
    seen: { create: [], update: [`web-0 8080 ${addresses(1, 6)}`, `web-1 8080 ${addresses(2, 3, 4, 5)}`], delete: [] },
  },
])
  test(`new endpoints ${what}`, () => {
    const of = { ...service(), metadata: { ...service().metadata, labels } };
    assert.deepEqual(seenOf(planFor(sourceOf(of, undefined), targets(ips(...wanted)), slices, 4)), seen);
  });
