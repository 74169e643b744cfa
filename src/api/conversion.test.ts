import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conversionOf, conversions } from './conversion.ts';
import { decodeValue } from './decode.ts';
import { applyDefaults } from './defaults.ts';
import { Schema } from './schema.ts';
import type { KubeObject } from './types.ts';

const all = new Schema({ serves: () => true });
const served = (group: string, version: string, resource: string) => {
  const info = all.resource({ group, version, resource });
  assert.ok(info);
  const conversion = conversionOf(info);
  assert.ok(conversion);
  return { info, conversion };
};
const object = (group: string, version: string, resource: string, value: object): KubeObject => {
  const info = all.resource({ group, version, resource });
  assert.ok(info);
  const { object: decoded } = decodeValue<KubeObject>(
    { apiVersion: group === '' ? version : `${group}/${version}`, kind: info.kind, metadata: { name: 'a' }, ...value },
    info.schema,
    { fieldValidation: 'Strict' },
  );
  return applyDefaults(decoded, info.schema, 0);
};

test('conversions has one for every served version that is not stored', () => {
  assert.deepEqual(Object.keys(conversions(new Schema())), ['Event.v1.events.k8s.io', 'HorizontalPodAutoscaler.v1.autoscaling']);
  assert.equal(Object.keys(conversions(all)).length, 20);
});

test('an event reads the same in both groups', () => {
  const { conversion } = served('events.k8s.io', 'v1', 'events');
  const event = object('', 'v1', 'events', {
    involvedObject: { kind: 'Pod', name: 'p' },
    reason: 'Started',
    message: 'hello',
    source: { component: 'kubelet' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    count: 2,
    reportingComponent: 'kubelet',
    reportingInstance: 'n1',
  });
  const other = conversion.toServed(event) as unknown as Record<string, unknown>;
  assert.equal(other.apiVersion, 'events.k8s.io/v1');
  assert.equal(other.note, 'hello');
  assert.equal(other.reportingController, 'kubelet');
  assert.deepEqual(other.regarding, { kind: 'Pod', name: 'p' });
  assert.equal(other.deprecatedCount, 2);
  assert.deepEqual(conversion.toStored(other as unknown as KubeObject), event);
});

const autoscaler = {
  spec: {
    scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' },
    minReplicas: 2,
    maxReplicas: 5,
    metrics: [
      {
        type: 'Object',
        object: { describedObject: { kind: 'Service', name: 's' }, target: { type: 'Value', value: '10' }, metric: { name: 'rps' } },
      },
      {
        type: 'Pods',
        pods: { metric: { name: 'q', selector: { matchLabels: { a: 'b' } } }, target: { type: 'AverageValue', averageValue: '3' } },
      },
      { type: 'Resource', resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 70 } } },
      {
        type: 'ContainerResource',
        containerResource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '100m' }, container: 'c' },
      },
      { type: 'External', external: { metric: { name: 'x' }, target: { type: 'AverageValue', averageValue: '1' } } },
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 60, tolerance: '100m' } },
  },
  status: {
    currentReplicas: 2,
    desiredReplicas: 3,
    currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 55, averageValue: '20m' } } }],
    conditions: [{ type: 'AbleToScale', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
  },
};

test('an autoscaler of v2 survives v1 and shows its CPU target there', () => {
  const { conversion } = served('autoscaling', 'v1', 'horizontalpodautoscalers');
  const stored = object('autoscaling', 'v2', 'horizontalpodautoscalers', autoscaler);
  const v1 = conversion.toServed(stored) as KubeObject & {
    readonly spec: { readonly targetCPUUtilizationPercentage: number };
    readonly status: { readonly currentCPUUtilizationPercentage: number };
  };
  assert.equal(v1.spec.targetCPUUtilizationPercentage, 60);
  assert.equal(v1.status.currentCPUUtilizationPercentage, 55);
  assert.match(
    v1.metadata.annotations?.['autoscaling.alpha.kubernetes.io/behavior'] ?? '',
    /^\{"ScaleUp":\{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":\[\{"Type":"Pods"/,
  );
  assert.deepEqual(conversion.toStored(v1), stored);
});

test('an autoscaler of v1 without a target aims at 80 percent CPU', () => {
  const { conversion } = served('autoscaling', 'v1', 'horizontalpodautoscalers');
  const v1 = object('autoscaling', 'v1', 'horizontalpodautoscalers', {
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3 },
  });
  const stored = conversion.toStored(v1) as unknown as { readonly spec: { readonly metrics: readonly unknown[] } };
  assert.deepEqual(stored.spec.metrics, [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
  ]);
});

for (const text of ['{', '[1]', '[{"type":7}]', '[{"type":"Pods","pods":{"targetAverageValue":"x"}}]']) {
  test(`an unreadable metrics annotation is ignored: ${text}`, () => {
    const { conversion } = served('autoscaling', 'v1', 'horizontalpodautoscalers');
    const v1 = object('autoscaling', 'v1', 'horizontalpodautoscalers', {
      metadata: { name: 'a', annotations: { 'autoscaling.alpha.kubernetes.io/metrics': text } },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
    });
    const stored = conversion.toStored(v1) as KubeObject & { readonly spec: { readonly metrics: readonly unknown[] } };
    assert.equal(stored.spec.metrics.length, 1);
    assert.equal(stored.metadata.annotations, undefined);
  });
}

test('claims and slices of v1beta1 carry the same facts one level away', () => {
  const claim = object('resource.k8s.io', 'v1', 'resourceclaims', {
    spec: {
      devices: {
        requests: [
          { name: 'a', exactly: { deviceClassName: 'gpu' } },
          { name: 'b', firstAvailable: [{ name: 'x', deviceClassName: 'gpu' }] },
        ],
      },
    },
  });
  const claims = served('resource.k8s.io', 'v1beta1', 'resourceclaims').conversion;
  const beta = claims.toServed(claim) as unknown as { readonly spec: { readonly devices: { readonly requests: readonly object[] } } };
  assert.deepEqual(beta.spec.devices.requests[0], { name: 'a', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 });
  assert.deepEqual(claims.toStored(beta as unknown as KubeObject), claim);

  const slice = object('resource.k8s.io', 'v1', 'resourceslices', {
    spec: {
      driver: 'd',
      pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
      allNodes: true,
      devices: [{ name: 'g0', attributes: { m: { string: 'x' } } }],
    },
  });
  const slices = served('resource.k8s.io', 'v1beta1', 'resourceslices').conversion;
  const betaSlice = slices.toServed(slice) as unknown as { readonly spec: { readonly devices: readonly object[] } };
  assert.deepEqual(betaSlice.spec.devices, [{ name: 'g0', basic: { attributes: { m: { string: 'x' } } } }]);
  assert.deepEqual(slices.toStored(betaSlice as unknown as KubeObject), slice);
});
