// Upstream's tables: so many pods in such slices come to such writes. Source: endpointslice reconciler_test.go, utils_test.go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice, Pod, Service } from '#api/types.ts';
import { targetsOfPod } from './endpoints.ts';
import { planSlices, type SlicePlan, sourceOf } from './plan.ts';
import type { Target } from './target.ts';

function service({ labels = {}, ...spec }: { readonly labels?: object } & Record<string, unknown> = {}): Service {
  return {
    metadata: { name: 'foo', namespace: 'test', uid: 'test-foo', labels },
    spec: {
      clusterIP: '10.0.0.10',
      selector: { foo: 'bar' },
      ipFamilies: ['IPv4'],
      ports: [{ name: 'foo', protocol: 'TCP', port: 80, targetPort: 80 }],
      ...spec,
    },
  } as unknown as Service;
}

function pod(n: number, more: { readonly ready?: boolean; readonly going?: boolean; readonly port?: number } = {}): Pod {
  const { ready = true, going = false, port } = more;
  const ports = port === undefined ? [] : [{ name: 'http', protocol: 'TCP', containerPort: port }];
  return {
    metadata: { name: `pod${n}`, namespace: 'test', uid: `u${n}`, ...(going ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { nodeName: 'node-1', containers: [{ name: 'c', ports }] },
    status: {
      podIP: `1.2.${n >> 8}.${n & 255}`,
      podIPs: [{ ip: `1.2.${n >> 8}.${n & 255}` }, { ip: `1234::5678:0000:0000:9abc:${n.toString(16)}` }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  } as unknown as Pod;
}

const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i);
const ready = (n: number): Pod => pod(n, { ready: n % 3 !== 0 });
const targets = (of: Service, pods: readonly Pod[]): readonly Target[] => pods.flatMap((each) => targetsOfPod(of, each, undefined));

/** Slices as they would stand, one for each list of pods. */
function standing(of: Service, ...lists: readonly (readonly Pod[])[]): readonly EndpointSlice[] {
  return lists.map((pods, i) => {
    const [made] = planSlices(sourceOf(of, undefined), targets(of, pods), [], 1000).create;
    return { ...made, metadata: { ...made?.metadata, name: `foo-${i}`, uid: `s${i}` } } as EndpointSlice;
  });
}

const plan = (of: Service, pods: readonly Pod[], existing: readonly EndpointSlice[] = [], most = 100): SlicePlan =>
  planSlices(sourceOf(of, undefined), targets(of, pods), existing, most);

/** Created, updated and deleted. */
const writes = ({ create, update, delete: gone }: SlicePlan): readonly number[] => [create.length, update.length, gone.length];

/** How many endpoints each slice has in the end. */
function sizes({ create, update, delete: gone }: SlicePlan, existing: readonly EndpointSlice[] = []): readonly number[] {
  const touched = new Set([...update, ...gone].map(({ metadata }) => metadata.name));
  const all = [...existing.filter(({ metadata }) => !touched.has(metadata.name)), ...update, ...create];
  return all.map(({ endpoints }) => endpoints?.length ?? 0).toSorted((a, b) => b - a);
}

for (const [most, wants] of [
  [50, [50, 50, 50, 50, 50]],
  [80, [80, 80, 80, 10]],
  [150, [150, 100]],
  [250, [250]],
  [500, [250]],
] as const)
  test(`250 pods, at most ${most} a slice`, () => assert.deepEqual(sizes(plan(service(), range(0, 250).map(ready), [], most)), wants));

for (const { name, before, now, writes: wrote, sizes: have } of [
  {
    name: 'a full slice of those that come, and the rest of them where all of it fits',
    before: [range(0, 62), range(100, 161)],
    now: [...range(0, 250)],
    writes: [1, 1, 0],
    sizes: [100, 89, 61],
  },
  {
    name: 'many that come to one that is full enough',
    before: [range(0, 60), range(100, 160)],
    now: [...range(0, 90), ...range(100, 160)],
    writes: [0, 1, 0],
    sizes: [90, 60],
  },
  { name: 'half of them gone', before: [range(0, 20)], now: range(0, 10), writes: [0, 1, 0], sizes: [10] },
  {
    name: 'nothing',
    before: [range(0, 62), range(100, 161)],
    now: [...range(0, 62), ...range(100, 161)],
    writes: [0, 0, 0],
    sizes: [62, 61],
  },
  { name: 'all of them gone', before: [range(0, 20)], now: [], writes: [0, 1, 0], sizes: [0] },
])
  test(`pods change: ${name}`, () => {
    const of = service();
    const existing = standing(of, ...before.map((list) => list.map((n) => pod(n))));
    const next = plan(
      of,
      now.map((n) => pod(n)),
      existing,
    );
    assert.deepEqual([writes(next), sizes(next, existing)], [wrote, have]);
  });

test('ten slices that are hardly used stay, and are packed as three when all are written anyway', () => {
  const of = service();
  const pods = range(0, 300).map(ready);
  const existing = standing(of, ...range(0, 10).map((i) => pods.slice(i * 30, i * 30 + 30)));
  assert.deepEqual(writes(plan(of, pods, existing)), [0, 0, 0]);
  const moved = service({ ports: [{ name: 'foo', protocol: 'TCP', port: 80, targetPort: 81 }] });
  const next = plan(moved, pods, existing);
  assert.deepEqual([writes(next), sizes(next, existing), next.added], [[0, 3, 7], [100, 100, 100], 300]);
});

test('new endpoints fill the fullest of the slices that are written anyway', () => {
  const of = service();
  const [first, second] = [range(0, 80), range(100, 120)].map((list) => list.map((n) => pod(n))) as readonly Pod[][] as [Pod[], Pod[]];
  const existing = standing(of, first, second);
  const changed = [...first, ...second].map((each, i) =>
    i % 10 === 0 ? pod(Number(each.metadata.name.slice(3)), { ready: false }) : each,
  );
  const next = plan(of, [...changed, ...range(200, 215).map((n) => pod(n))], existing);
  assert.deepEqual(
    [writes(next), sizes(next, existing)],
    [
      [0, 2, 0],
      [95, 20],
    ],
  );
});

test('slices of another form of address are replaced as a whole', () => {
  const of = service();
  const lists = [range(0, 80), range(100, 150)].map((list) => list.map((n) => pod(n)));
  const existing = standing(of, ...lists).map((slice) => ({ ...slice, addressType: 'IP' }) as unknown as EndpointSlice);
  const next = plan(of, lists.flat(), existing);
  assert.deepEqual(
    [writes(next), next.create.map(({ endpoints }) => endpoints?.length)],
    [
      [2, 0, 2],
      [100, 30],
    ],
  );
});

test('a port of another number a pod: a slice each', () => {
  const of = service({ ports: [{ protocol: 'TCP', port: 80, targetPort: 'http' }] });
  const next = plan(
    of,
    range(0, 300).map((n) => pod(n, { port: 8080 + (n % 5) })),
  );
  assert.deepEqual(sizes(next), [60, 60, 60, 60, 60]);
  assert.deepEqual(
    next.create.flatMap(({ ports }) => ports ?? []).toSorted((a, b) => (a.port ?? 0) - (b.port ?? 0)),
    range(0, 5).map((i) => ({ name: '', protocol: 'TCP', port: 8080 + i })),
  );
});

for (const [name, families, addressesOf] of [
  ['one family', ['IPv4'], { IPv4: '1.2.0.1' }],
  ['the other one', ['IPv6'], { IPv6: '1234::5678:0:0:9abc:1' }],
  ['both', ['IPv4', 'IPv6'], { IPv4: '1.2.0.1', IPv6: '1234::5678:0:0:9abc:1' }],
] as const)
  test(`one pod, a Service of ${name}`, () => {
    const next = plan(service({ ipFamilies: families }), [pod(1)]);
    assert.deepEqual(
      Object.fromEntries(next.create.map(({ addressType, endpoints }) => [addressType, endpoints?.[0]?.addresses?.[0]])),
      addressesOf,
    );
    const { conditions, nodeName, targetRef, hostname } = next.create[0]?.endpoints?.[0] ?? {};
    assert.deepEqual([conditions, nodeName, hostname], [{ ready: true, serving: true, terminating: false }, 'node-1', undefined]);
    assert.deepEqual(targetRef, { kind: 'Pod', namespace: 'test', name: 'pod1', uid: 'u1' });
  });

const own = { 'kubernetes.io/service-name': 'foo', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' };
const headless = { 'service.kubernetes.io/headless': '' };
for (const [name, of, wants] of [
  ['without labels', {}, own],
  ['with labels', { labels: { foo: 'bar', foo2: 'bar2' } }, { ...own, foo: 'bar', foo2: 'bar2' }],
  ['headless with labels', { labels: { foo: 'bar' }, clusterIP: 'None' }, { ...own, ...headless, foo: 'bar' }],
  ['that says it were headless', { labels: headless }, own],
  [
    'that would take slices over',
    { labels: { 'kubernetes.io/service-name': 'bad', 'endpointslice.kubernetes.io/managed-by': 'actor', foo: 'bar' } },
    { ...own, foo: 'bar' },
  ],
] as const)
  test(`labels of slices of a Service ${name}`, () => assert.deepEqual(plan(service(of), []).create[0]?.metadata?.labels, wants));

for (const [name, more, publish, wants] of [
  ['ready', {}, false, [true, true, false]],
  ['ready, published anyway', {}, true, [true, true, false]],
  ['not ready', { ready: false }, false, [false, false, false]],
  ['not ready, published anyway', { ready: false }, true, [true, false, false]],
  ['ready and going', { going: true }, false, [false, true, true]],
  ['not ready and going', { ready: false, going: true }, false, [false, false, true]],
  ['going, published anyway', { going: true }, true, [true, true, true]],
] as const)
  test(`what an endpoint says of a pod that is ${name}`, () => {
    const [target] = targetsOfPod(service({ publishNotReadyAddresses: publish }), pod(1, more), undefined);
    const { ready: isReady, serving, terminating } = target?.endpoint.conditions ?? {};
    assert.deepEqual([isReady, serving, terminating], wants);
  });
