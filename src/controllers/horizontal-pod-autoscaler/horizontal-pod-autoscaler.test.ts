import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import type { HorizontalPodAutoscaler, HPAScalingRules, MetricSpec, Pod } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { DEFAULT_TUNING } from '../runtime/tuning.ts';
import { limit, NO_HISTORY, scaled } from './limits.ts';
import type { Reading } from './metrics.ts';
import { type Observed, planScale } from './plan.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;

interface PodFacts {
  readonly ready?: boolean;
  readonly phase?: string;
  readonly startedAgoMs?: number;
  readonly leaving?: boolean;
}

function pod(name: string, { ready = true, phase = 'Running', startedAgoMs = 60 * MINUTE, leaving = false }: PodFacts = {}): Pod {
  const started = formatTime(NOW - startedAgoMs);
  return {
    metadata: { name, namespace: 'ns', ...(leaving ? { deletionTimestamp: started } : {}) },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1', memory: '1Gi' } } }] },
    status: { phase, startTime: started, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: started }] },
  } as unknown as Pod;
}

function autoscaler(spec: Partial<HorizontalPodAutoscaler['spec']> = {}): HorizontalPodAutoscaler {
  return {
    metadata: { name: 'web', namespace: 'ns', generation: 1 },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 20, metrics: [cpu(50)], ...spec },
    status: { desiredReplicas: 0, currentMetrics: null },
  } as HorizontalPodAutoscaler;
}

const cpu = (averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});
const object = (target: object): MetricSpec =>
  ({ type: 'Object', object: { describedObject: { kind: 'Service', name: 'web' }, metric: { name: 'hits' }, target } }) as MetricSpec;

/** Millicores a pod; a pod left out shows nothing. */
const used = (values: Readonly<Record<string, number>>): Reading => ({
  kind: 'pods',
  samples: new Map(Object.entries(values).map(([name, value]) => [name, { value, at: NOW, windowMs: MINUTE }])),
});

const tuning = DEFAULT_TUNING.autoscaling;

function observed(more: Partial<Observed> & { readonly hpa?: HorizontalPodAutoscaler }): Observed {
  const { pods = [], hpa = autoscaler() } = more;
  return {
    hpa,
    specReplicas: pods.length,
    statusReplicas: pods.length,
    pods,
    readings: [],
    history: NO_HISTORY,
    now: NOW,
    tuning,
    ...more,
  };
}

const three = [pod('a'), pod('b'), pod('c')];

for (const c of [
  { name: 'grows with use', pods: three, reading: used({ a: 900, b: 900, c: 900 }), wants: 6 },
  { name: 'rests within its tolerance', pods: three, reading: used({ a: 540, b: 500, c: 500 }), wants: 3 },
  { name: 'shrinks to its minimum', pods: three, reading: used({ a: 100, b: 100, c: 100 }), wants: 3, because: 'ScaleDownStabilized' },
  { name: 'takes a pod that shows nothing for idle when it grows', pods: three, reading: used({ a: 900, b: 900 }), wants: 4 },
  { name: 'takes a pod that shows nothing for busy when it shrinks', pods: three, reading: used({ a: 400, b: 400 }), wants: 3 },
  {
    name: 'leaves pods that start out of account',
    pods: [...three, pod('d', { startedAgoMs: MINUTE, ready: false })],
    reading: used({ a: 500, b: 500, c: 500, d: 5000 }),
    wants: 4,
  },
  {
    name: 'does not count pods on their way out',
    pods: [...three, pod('d', { leaving: true })],
    reading: used({ a: 1000, b: 1000, c: 1000, d: 0 }),
    wants: 6,
  },
  {
    name: 'follows an average',
    pods: three,
    metric: { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } },
    reading: used({ a: 20_000, b: 20_000, c: 20_000 }),
    wants: 6,
  },
  {
    name: 'follows a value of an object',
    pods: three,
    metric: object({ type: 'Value', value: '100' }),
    reading: { kind: 'values', values: [200_000] },
    wants: 6,
  },
  {
    name: 'shares a value of an object',
    pods: three,
    metric: object({ type: 'AverageValue', averageValue: '50' }),
    reading: { kind: 'values', values: [210_000] },
    wants: 5,
  },
  {
    name: 'adds up an external metric',
    pods: three,
    metric: { type: 'External', external: { metric: { name: 'queue' }, target: { type: 'AverageValue', averageValue: '10' } } },
    reading: { kind: 'values', values: [30_000, 21_000] },
    wants: 6,
  },
] as readonly {
  readonly name: string;
  readonly pods: readonly Pod[];
  readonly metric?: MetricSpec;
  readonly reading: Reading;
  readonly wants: number;
  readonly because?: string;
}[]) {
  test(`planScale ${c.name}`, () => {
    const hpa = autoscaler(c.metric === undefined ? {} : { metrics: [c.metric] });
    const { rescale, status } = planScale(observed({ hpa, pods: c.pods, readings: [c.reading] }));
    assert.equal(rescale?.replicas ?? c.pods.length, c.wants);
    assert.equal(findCondition(status.conditions, 'ScalingActive')?.status, 'True');
    assert.equal(findCondition(status.conditions, 'AbleToScale')?.reason, c.because ?? 'ReadyForNewScale');
    assert.equal(status.desiredReplicas, c.wants);
    assert.equal(status.currentMetrics?.length, 1);
  });
}

for (const c of [
  { name: 'at nothing it rests', specReplicas: 0, replicas: undefined, active: 'ScalingDisabled' },
  { name: 'below the minimum it goes there', specReplicas: 1, replicas: 2, reason: 'Current number of replicas below Spec.MinReplicas' },
  { name: 'above the maximum it goes there', specReplicas: 30, replicas: 20, reason: 'Current number of replicas above Spec.MaxReplicas' },
]) {
  test(`planScale: ${c.name}, whatever metrics say`, () => {
    const { rescale, status } = planScale(observed({ specReplicas: c.specReplicas }));
    assert.deepEqual(rescale, c.replicas === undefined ? undefined : { replicas: c.replicas, reason: c.reason });
    assert.equal(findCondition(status.conditions, 'ScalingActive')?.reason, c.active);
  });
}

test('a metric that cannot be read holds replicas back from going, not from coming', () => {
  const hpa = autoscaler({ metrics: [cpu(50), object({ type: 'Value', value: '1' })] });
  const failed: Reading = { kind: 'failed', message: 'gone' };
  const more = planScale(observed({ hpa, pods: three, readings: [used({ a: 900, b: 900, c: 900 }), failed] }));
  assert.equal(more.rescale?.replicas, 6);
  assert.deepEqual(
    more.notices.map(({ reason }) => reason),
    ['FailedGetObjectMetric'],
  );
  const fewer = planScale(observed({ hpa, pods: three, readings: [used({ a: 1, b: 1, c: 1 }), failed] }));
  assert.equal(fewer.rescale, undefined);
  const active = findCondition(fewer.status.conditions, 'ScalingActive');
  assert.deepEqual([active?.status, active?.reason], ['False', 'FailedGetObjectMetric']);
  assert.match(
    active?.message ?? '',
    /^the HPA was unable to compute the replica count: unable to get metric hits: Service on ns web\/gone$/,
  );
  assert.match(
    fewer.notices.at(-1)?.message ?? '',
    /^invalid metrics \(1 invalid out of 2\), first error is: failed to get object metric value: unable to get metric hits: Service on ns web\/gone$/,
  );
  assert.deepEqual(
    [more, fewer].map(({ status }) => status.currentMetrics?.map(({ type }) => type)),
    [
      ['Resource', ''],
      ['Resource', ''],
    ],
  );
});

const selector = { matchLabels: { b: '2', a: '1' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['x', 'y'] }] };
const printed =
  '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:tier,Operator:In,Values:[x y],},},}';

for (const c of [
  {
    metric: cpu(50),
    event: 'FailedGetResourceMetric',
    says: 'failed to get cpu utilization: unable to get metrics for resource cpu: gone',
    context: 'failed to get cpu resource metric value: ',
  },
  {
    metric: { type: 'ContainerResource', containerResource: { name: 'memory', container: 'c', target: { averageValue: '1Mi' } } },
    event: 'FailedGetContainerResourceMetric',
    says: 'failed to get memory usage: unable to get metrics for resource memory: gone',
    context: 'failed to get c container metric value: ',
  },
  {
    metric: { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '1' } } },
    event: 'FailedGetPodsMetric',
    says: 'unable to get metric rps: gone',
    context: 'failed to get pods metric value: ',
  },
  {
    metric: object({ type: 'AverageValue', averageValue: '1' }),
    event: 'FailedGetObjectMetric',
    says: 'unable to get metric hits: Service on ns web/gone',
    context: 'failed to get object metric value: failed to get hits object metric: ',
  },
  {
    metric: { type: 'External', external: { metric: { name: 'queue', selector }, target: { type: 'AverageValue', averageValue: '1' } } },
    event: 'FailedGetExternalMetric',
    says: `unable to get external metric ns/queue/${printed}: gone`,
    context: 'failed to get queue external metric value: failed to get queue external metric: ',
  },
  {
    metric: { type: 'External', external: { metric: { name: 'queue' }, target: { type: 'Value', value: '1' } } },
    event: 'FailedGetExternalMetric',
    says: 'unable to get external metric ns/queue/nil: gone',
    context: 'failed to get queue external metric value: failed to get external metric queue: ',
  },
] as readonly { readonly metric: MetricSpec; readonly event: string; readonly says: string; readonly context: string }[]) {
  test(`a ${c.metric.type} metric that cannot be read is told of as upstream does: ${c.context}`, () => {
    const hpa = autoscaler({ metrics: [c.metric] });
    const { notices, status, failed } = planScale(observed({ hpa, pods: three, readings: [{ kind: 'failed', message: 'gone' }] }));
    assert.deepEqual(
      notices.map(({ reason, message }) => [reason, message]),
      [
        [c.event, c.says],
        ['FailedComputeMetricsReplicas', `invalid metrics (1 invalid out of 1), first error is: ${c.context}${c.says}`],
      ],
    );
    assert.deepEqual(
      findCondition(status.conditions, 'ScalingActive')?.message,
      `the HPA was unable to compute the replica count: ${c.says}`,
    );
    assert.deepEqual([status.currentMetrics, status.currentReplicas, failed], [[{ type: '' }], 3, true]);
  });
}

for (const c of [
  { metric: cpu(50), reading: used({ a: 900, b: 900, c: 900 }), name: 'cpu resource utilization (percentage of request)' },
  {
    metric: { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'c', target: { averageUtilization: 50 } } },
    reading: used({ a: 900, b: 900, c: 900 }),
    name: 'cpu container resource utilization (percentage of request)',
  },
  { metric: object({ type: 'Value', value: '1' }), reading: { kind: 'values', values: [2000] }, name: 'Service metric hits' },
  {
    metric: object({ type: 'AverageValue', averageValue: '1' }),
    reading: { kind: 'values', values: [6000] },
    name: 'external metric hits(nil)',
  },
  {
    metric: { type: 'External', external: { metric: { name: 'queue', selector }, target: { type: 'AverageValue', averageValue: '1' } } },
    reading: { kind: 'values', values: [6000] },
    name: `external metric queue(${printed})`,
  },
] as readonly { readonly metric: MetricSpec; readonly reading: Reading; readonly name: string }[]) {
  test(`a rescale names its metric: ${c.name}`, () => {
    const hpa = autoscaler({ metrics: [c.metric] });
    const { rescale } = planScale(observed({ hpa, pods: three, readings: [c.reading] }));
    assert.deepEqual(rescale, { replicas: 6, reason: `${c.name} above target` });
  });
}

test('a scale whose selector cannot be used is told of, with how many replicas it has', () => {
  const refusal = {
    event: 'SelectorRequired',
    reason: 'InvalidSelector',
    message: 'selector is required',
    said: "the HPA target's scale is missing a selector",
  };
  const { status, notices, rescale } = planScale(observed({ pods: three, refusal }));
  assert.equal(rescale, undefined);
  assert.deepEqual(
    status.conditions?.map(({ type, reason, message }) => [type, reason, message]),
    [
      ['AbleToScale', 'SucceededGetScale', "the HPA controller was able to get the target's current scale"],
      ['ScalingActive', 'InvalidSelector', refusal.said],
    ],
  );
  assert.deepEqual([status.currentReplicas, status.currentMetrics], [3, null]);
  assert.deepEqual(
    notices.map(({ reason, message }) => `${reason} ${message}`),
    ['SelectorRequired selector is required', 'FailedComputeMetricsReplicas selector is required'],
  );
});

test('what metrics showed before is forgotten while the count alone decides', () => {
  const hpa = autoscaler();
  const known = { ...hpa, status: { ...hpa.status, currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: {} } }] } };
  for (const specReplicas of [0, 1, 30]) assert.equal(planScale(observed({ hpa: known, specReplicas })).status.currentMetrics, null);
});

test('pods that show nothing count as idle when the others are just on target of an average', () => {
  const metrics = [{ type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } }];
  const reading = used({ a: 10_000, b: 10_000 });
  const plan = planScale(observed({ hpa: autoscaler({ metrics }), pods: three, readings: [reading], history: { ...NO_HISTORY } }));
  assert.equal(plan.rescale?.replicas, 2);
});

test('a request that is missing is named', () => {
  const bare = { ...pod('a'), spec: { containers: [{ name: 'c', resources: {} }] } } as unknown as Pod;
  const { notices } = planScale(observed({ pods: [bare, pod('b')], readings: [used({ a: 100, b: 100 })] }));
  assert.match(notices[0]?.message ?? '', /failed to get cpu utilization: missing request for cpu in container c of Pod a$/);
});

test('without behaviours a count at most doubles, and shrinks only when five minutes agree', () => {
  const hpa = autoscaler();
  const up = limit({ tuning, hpa, current: 3, desired: 18, now: NOW }, NO_HISTORY);
  assert.deepEqual([up.replicas, up.limited, up.limit.reason], [6, true, 'ScaleUpLimit']);
  const early = limit({ tuning, hpa, current: 6, desired: 2, now: NOW + 4 * MINUTE }, up.history);
  assert.deepEqual([early.replicas, early.able.reason], [12, 'ScaleDownStabilized']);
  const late = limit({ tuning, hpa, current: 6, desired: 1, now: NOW + 10 * MINUTE }, early.history);
  assert.deepEqual([late.replicas, late.limit.reason], [2, 'TooFewReplicas']);
});

const rules = (more: Partial<HPAScalingRules>): HPAScalingRules => ({ selectPolicy: 'Max', policies: [], ...more });
const behavior = {
  scaleUp: rules({
    stabilizationWindowSeconds: 0,
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 60 },
      { type: 'Percent', value: 50, periodSeconds: 60 },
    ],
  }),
  scaleDown: rules({
    stabilizationWindowSeconds: 60,
    selectPolicy: 'Min',
    policies: [
      { type: 'Pods', value: 1, periodSeconds: 60 },
      { type: 'Percent', value: 50, periodSeconds: 60 },
    ],
  }),
};

test('behaviours limit how much a period may change, what was changed in it included', () => {
  const hpa = autoscaler({ behavior });
  const first = limit({ tuning, hpa, current: 4, desired: 20, now: NOW }, NO_HISTORY);
  assert.deepEqual([first.replicas, first.limit.reason], [8, 'ScaleUpLimit']);
  const after = scaled(first.history, hpa, 4, 8, NOW);
  const again = limit({ tuning, hpa, current: 8, desired: 20, now: NOW + 30_000 }, after);
  assert.equal(again.replicas, 8);
  const later = limit({ tuning, hpa, current: 8, desired: 20, now: NOW + 61_000 }, after);
  assert.equal(later.replicas, 12);
  const down = limit({ tuning, hpa, current: 8, desired: 2, now: NOW + 10 * MINUTE }, after);
  assert.deepEqual([down.replicas, down.limit.reason], [7, 'ScaleDownLimit']);
  const off = limit(
    {
      tuning,
      hpa: autoscaler({ behavior: { ...behavior, scaleDown: rules({ selectPolicy: 'Disabled' }) } }),
      current: 8,
      desired: 2,
      now: NOW + 10 * MINUTE,
    },
    after,
  );
  assert.equal(off.replicas, 8);
});

test('stabilisation waits for agreement in each direction', () => {
  const slow = { ...behavior, scaleUp: rules({ ...behavior.scaleUp, stabilizationWindowSeconds: 120 }) };
  const hpa = autoscaler({ behavior: slow });
  const history = {
    ...NO_HISTORY,
    recommendations: [
      { replicas: 5, at: NOW - 100_000 },
      { replicas: 9, at: NOW - 30_000 },
    ],
  };
  const up = limit({ tuning, hpa, current: 4, desired: 12, now: NOW }, history);
  assert.deepEqual([up.replicas, up.able.reason], [5, 'ScaleUpStabilized']);
  const down = limit({ tuning, hpa, current: 10, desired: 3, now: NOW }, history);
  assert.deepEqual([down.replicas, down.able.reason], [9, 'ScaleDownStabilized']);
});

test('times and tolerance are as the flags of the controller manager say', () => {
  const quick = { ...tuning, downscaleStabilizationMs: 0, tolerance: 0.5, initialReadinessMs: 0, cpuInitializationMs: 0 };
  const plan = (used: Reading, pods = three) => planScale(observed({ pods, readings: [used], tuning: quick })).rescale?.replicas;
  assert.equal(plan(used({ a: 700, b: 700, c: 700 })), undefined);
  assert.equal(plan(used({ a: 100, b: 100, c: 100 })), 2, 'nothing keeps them any longer');
  const young = [pod('a', { startedAgoMs: 1000 }), pod('b', { startedAgoMs: 1000 })];
  assert.equal(plan(used({ a: 2000, b: 2000 }), young), 4);
});

test('each direction has its own tolerance', () => {
  const hpa = autoscaler({ behavior: { ...behavior, scaleUp: { ...behavior.scaleUp, tolerance: '500m' } } });
  assert.equal(planScale(observed({ hpa, pods: three, readings: [used({ a: 700, b: 700, c: 700 })] })).rescale, undefined);
  assert.equal(planScale(observed({ hpa, pods: three, readings: [used({ a: 800, b: 800, c: 800 })] })).rescale?.replicas, 5);
});
