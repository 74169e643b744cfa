import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowSchema } from '#api/gen/flowcontrol-v1.ts';
import { parseQuery } from '../http/query.ts';
import { requestInfo } from '../stages/request-info.ts';
import { allocate, borrow, nominalLimits, sharesOf, widestRequest } from './allocation.ts';
import { AUTO_UPDATE, FLOW_SCHEMAS, PRIORITY_LEVELS } from './defaults.ts';
import { DemandMeter } from './demand.ts';
import { defaultsPlan } from './keeper.ts';
import { matches, matchingOrder, rulesOf } from './match.ts';
import { RetryAfter } from './retry-after.ts';
import { deal, hash53 } from './shuffle-sharding.ts';
import { danglingCondition } from './status.ts';
import { workOf, type Load } from './work.ts';

const levels = [...PRIORITY_LEVELS.mandatory, ...PRIORITY_LEVELS.suggested];
const schemas = ([...FLOW_SCHEMAS.mandatory, ...FLOW_SCHEMAS.suggested] as unknown as readonly FlowSchema[]).toSorted(matchingOrder);

test('nominalLimits divides 600 seats as upstream does', () => {
  const limits = nominalLimits(
    levels.map(({ spec }) => sharesOf(spec)),
    600,
  );
  const seats = Object.fromEntries(levels.map(({ metadata }, i) => [metadata.name, limits[i]]));
  assert.deepEqual(seats['workload-low'], { nominal: 245, least: 24, most: 845 });
  assert.deepEqual(seats['system'], { nominal: 74, least: 50, most: 674 });
  assert.deepEqual(seats['catch-all'], { nominal: 13, least: 13, most: 613 });
  assert.deepEqual(seats['exempt'], { nominal: 0, least: 0, most: 600 });
});

test('widestRequest keeps 15 % of a level, a hand of its queues at most, and one seat at least', () => {
  assert.deepEqual([widestRequest(245, 6), widestRequest(74, 6), widestRequest(20, 6), widestRequest(3, 6)], [37, 12, 3, 1]);
});

test('allocate finds the fraction that bounds allow', () => {
  const seats = (total: number, ...claims: readonly [number, number, number][]): readonly number[] =>
    allocate(
      total,
      claims.map(([target, least, most]) => ({ target, least, most })),
    ).seats.map((one) => Math.round(one * 1e6) / 1e6);
  assert.deepEqual(seats(100, [10, 0, 100], [30, 0, 100]), [25, 75]);
  assert.deepEqual(seats(100, [10, 0, 100], [30, 0, 50]), [50, 50]);
  assert.deepEqual(seats(100, [50, 40, 100], [10, 0, 100], [60, 0, 20]), [66.666667, 13.333333, 20]);
});

test('borrow gives idle seats to who wants them, and each its least', () => {
  const limits = [
    { nominal: 100, least: 10, most: 200 },
    { nominal: 100, least: 50, most: 200 },
  ] as const;
  const { current } = borrow([
    { limits: limits[0], exempt: false, highWatermark: 180, smoothed: 150 },
    { limits: limits[1], exempt: false, highWatermark: 0, smoothed: 0 },
  ]);
  assert.deepEqual(current, [150, 50]);
});

const user = (name: string, ...groups: readonly string[]): { readonly name: string; readonly groups: readonly string[] } => ({
  name,
  groups: [...groups, 'system:authenticated'],
});
const classify = (who: ReturnType<typeof user>, method: string, target: string): string | undefined => {
  const info = requestInfo(method, target.split('?')[0] as string, parseQuery(target.split('?')[1] ?? ''));
  return schemas.find((schema) => rulesOf(schema, who).some((rule) => matches(rule, info)))?.metadata.name;
};

for (const [who, method, target, schema] of [
  [user('admin', 'system:masters'), 'GET', '/api/v1/pods', 'exempt'],
  [user('jane'), 'GET', '/readyz', 'probes'],
  [user('jane'), 'GET', '/readyz/ping', 'probes'],
  [user('system:node:a', 'system:nodes'), 'PUT', '/api/v1/nodes/a/status', 'system-node-high'],
  [user('system:node:a', 'system:nodes'), 'GET', '/api/v1/namespaces/x/secrets/y', 'system-nodes'],
  [user('system:kube-scheduler'), 'PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/a', 'system-leader-election'],
  [user('system:kube-scheduler'), 'POST', '/api/v1/namespaces/x/pods/y/binding', 'kube-scheduler'],
  [user('system:serviceaccount:kube-system:a', 'system:serviceaccounts'), 'GET', '/api/v1/pods', 'kube-system-service-accounts'],
  [user('system:serviceaccount:x:a', 'system:serviceaccounts'), 'GET', '/api/v1/pods', 'service-accounts'],
  [user('jane'), 'GET', '/version', 'global-default'],
] as const) {
  test(`${who.name} with ${method} ${target} belongs to ${schema}`, () => assert.equal(classify(who, method, target), schema));
}

const load = (objects: number, averageBytes: number, watchers = 0): Load => ({ objects, averageBytes, watchers });

for (const [method, target, widest, stored, work] of [
  ['GET', '/api/v1/pods', 37, load(100, 2_000), [2, 0, 0]],
  ['GET', '/api/v1/pods', 37, load(100_000, 2_000), [10, 0, 0]],
  ['GET', '/api/v1/pods', 3, load(100_000, 2_000), [3, 0, 0]],
  ['GET', '/api/v1/pods?limit=50', 37, load(100_000, 4_000), [2, 0, 0]],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Da', 37, load(100_000, 2_000), [1, 0, 0]],
  ['GET', '/api/v1/pods?watch=1&resourceVersion=7', 37, load(100_000, 2_000), [1, 0, 0]],
  ['GET', '/api/v1/pods?watch=1', 37, load(100_000, 2_000), [10, 0, 0]],
  ['GET', '/apis/a.example.com/v1/things', 37, undefined, [1, 0, 0]],
  ['POST', '/api/v1/namespaces/a/pods', 37, load(1, 1, 9), [1, 0, 0]],
  ['POST', '/api/v1/namespaces/a/pods', 37, load(1, 1, 45), [1, 5, 5]],
  ['POST', '/api/v1/namespaces/a/pods', 37, load(1, 1, 1_000), [1, 10, 50]],
  ['POST', '/api/v1/namespaces/a/serviceaccounts/b/token', 37, load(1, 1, 1_000), [1, 0, 0]],
] as const) {
  test(`workOf ${method} ${target} with ${JSON.stringify(stored)} is ${work.join(' ')}`, () => {
    const query = parseQuery(target.split('?')[1] ?? '');
    const { seats, finalSeats, afterMs } = workOf(requestInfo(method, target.split('?')[0] as string, query), query, widest, () => stored);
    assert.deepEqual([seats, finalSeats, afterMs], [...work]);
  });
}

test('deal draws different cards, each as often as another', () => {
  const drawn = new Array<number>(16).fill(0);
  const hand = new Int32Array(4);
  for (let i = 0; i < 4_000; i++) {
    deal(hash53(`flow ${i}`), 16, hand);
    assert.equal(new Set(hand).size, 4);
    for (const card of hand) drawn[card] = (drawn[card] as number) + 1;
  }
  for (const count of drawn) assert.ok(count > 800 && count < 1_200, `of 1,000 wanted: ${count}`);
});

test('DemandMeter weighs by time and forgets slowly', () => {
  const meter = new DemandMeter(0);
  meter.set(10, 0);
  meter.set(0, 5_000);
  const { highWatermark, average, deviation, smoothed } = meter.period(10_000);
  assert.deepEqual([highWatermark, average, deviation, smoothed], [10, 5, 5, 10]);
  assert.ok(Math.abs(meter.period(20_000).smoothed - 9.77) < 1e-9);
});

test('RetryAfter doubles while many are refused and sinks again', () => {
  const retry = new RetryAfter(0);
  for (let second = 1; second <= 4; second++) for (let i = 0; i < 10; i++) retry.refused(second);
  assert.equal(retry.seconds, 4);
  retry.refused(20);
  assert.equal(retry.seconds, 3);
});

test('danglingCondition says what is missing, and nothing where it stands already', () => {
  const schema = schemas[0] as FlowSchema;
  const missing = danglingCondition(schema, false, 0);
  assert.deepEqual(missing, {
    type: 'Dangling',
    status: 'True',
    reason: 'NotFound',
    message: 'This FlowSchema references the PriorityLevelConfiguration object named "exempt" but there is no such object',
    lastTransitionTime: '1970-01-01T00:00:00Z',
  });
  assert.equal(danglingCondition({ ...schema, status: { conditions: [missing as never] } }, false, 1), undefined);
});

test('defaultsPlan creates, repairs the mandatory, leaves what was taken over, and removes what is no default any more', () => {
  const all = [...FLOW_SCHEMAS.mandatory, ...FLOW_SCHEMAS.suggested] as unknown as readonly FlowSchema[];
  const stored = new Map(all.map((schema) => [schema.metadata.name, { ...schema, metadata: { ...schema.metadata, generation: 1 } }]));
  assert.deepEqual(defaultsPlan(stored, FLOW_SCHEMAS), []);
  const edited = (name: string, mark: string): FlowSchema => {
    const schema = stored.get(name) as FlowSchema;
    return {
      ...schema,
      metadata: { ...schema.metadata, annotations: { [AUTO_UPDATE]: mark } },
      spec: { ...schema.spec, matchingPrecedence: 77 },
    };
  };
  stored.set('catch-all', edited('catch-all', 'false') as never);
  stored.set('probes', edited('probes', 'false') as never);
  stored.set('system-nodes', edited('system-nodes', 'true') as never);
  stored.delete('global-default');
  stored.set('old', {
    ...(stored.get('probes') as never as FlowSchema),
    metadata: { name: 'old', annotations: { [AUTO_UPDATE]: 'true' } },
  } as never);
  const steps = defaultsPlan(stored, FLOW_SCHEMAS).map(
    (step) => `${step.kind} ${step.kind === 'delete' ? step.name : step.object.metadata?.name}`,
  );
  assert.deepEqual(steps, ['update system-nodes', 'create global-default', 'update catch-all', 'delete old']);
});
