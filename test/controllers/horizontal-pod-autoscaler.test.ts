import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { customresourcedefinitions, deployments, horizontalpodautoscalers, pods } from '#api/resources.ts';
import type { CustomResourceDefinition, Deployment, HorizontalPodAutoscaler, KubeObject, MetricSpec, New } from '#api/types.ts';
import type { Route } from '#apiserver/routes/contract.ts';
import { horizontalPodAutoscaler } from '#controllers/horizontal-pod-autoscaler/controller.ts';
import { ControllerMetrics } from '#controllers/metrics/metrics.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

/** By path; what is not here is not served. */
const answers = new Map<string, object>();
const asked: string[] = [];
const serves = (group: string): Route => ({
  path: `/apis/${group}`,
  match: 'prefix',
  listed: false,
  handle({ request }) {
    asked.push(`${request.info.path} ${request.query.get('labelSelector') ?? ''}`);
    const object = answers.get(request.info.path);
    if (object === undefined) throw new StatusError('NotFound', 'the server could not find the requested resource');
    return { kind: 'object', code: 200, object };
  },
});

const metrics = new ControllerMetrics();
let t: ControllerTest;
before(async () => {
  t = await startControllerTest({
    controllers: [horizontalPodAutoscaler],
    metrics,
    routes: ['metrics.k8s.io', 'custom.metrics.k8s.io', 'external.metrics.k8s.io'].map(serves),
  });
});
after(async () => {
  await t.stop();
  assert.deepEqual(t.warnings, []);
});

const template = (app: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '100m' } } }] },
});

async function deployment(name: string, replicas: number): Promise<void> {
  await t.client.create(deployments, {
    metadata: { name, namespace: 'ns' },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
  } as New<Deployment>);
  await runPods(name, replicas);
}

async function runPods(app: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const pod = await t.client.create(pods, { ...template(app), metadata: { name: `${app}-${i}`, namespace: 'ns', labels: { app } } });
    const time = new Date(t.clock.now() - 3600_000).toISOString().replace('.000', '');
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: time }];
    await t.client.patch(
      pods,
      pod.metadata,
      { type: 'merge', body: { status: { phase: 'Running', startTime: time, conditions } } },
      { subresource: 'status' },
    );
  }
}

const autoscale = (
  name: string,
  target: HorizontalPodAutoscaler['spec']['scaleTargetRef'],
  metrics: readonly MetricSpec[],
  more: object = {},
) =>
  t.client.create(horizontalpodautoscalers, {
    metadata: { name, namespace: 'ns' },
    spec: { scaleTargetRef: target, minReplicas: 1, maxReplicas: 10, metrics, ...more },
  } as New<HorizontalPodAutoscaler>);

const status = async (name: string) => (await t.client.get(horizontalpodautoscalers, { name, namespace: 'ns' })).status;
const condition = (name: string, type: string, reason: string) =>
  t.until(async () => {
    const found = findCondition((await status(name)).conditions, type);
    return found?.reason === reason ? found : undefined;
  });
const replicas = (name: string, count: number) =>
  t.until(async () => ((await t.client.get(deployments, { name, namespace: 'ns' })).spec.replicas === count ? true : undefined));

const cpu: MetricSpec = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } };

/** As metrics.k8s.io does. */
function shows(app: string, count: number, millicores: number): void {
  const at = new Date(t.clock.now()).toISOString();
  answers.set('/apis/metrics.k8s.io/v1beta1/namespaces/ns/pods', {
    items: Array.from({ length: count }, (_, i) => ({
      metadata: { name: `${app}-${i}`, namespace: 'ns' },
      timestamp: at,
      window: '30s',
      containers: [{ name: 'c', usage: { cpu: `${millicores}m`, memory: '10Mi' } }],
    })),
  });
}

const web = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };

test('a Deployment grows with the CPU its pods use, and the status says why', async () => {
  await deployment('web', 2);
  await autoscale('web', web, [cpu]);
  await condition('web', 'ScalingActive', 'FailedGetResourceMetric');
  assert.deepEqual((await status('web')).currentMetrics, [{ type: '' }]);
  assert.ok(
    t.events.some((event) =>
      event.startsWith(
        'Warning FailedGetResourceMetric failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: ',
      ),
    ),
  );
  shows('web', 2, 100);
  await replicas('web', 4);
  assert.ok(
    t.events.includes('Normal SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target'),
  );
  const { currentMetrics, lastScaleTime, desiredReplicas } = await status('web');
  assert.deepEqual(currentMetrics?.[0]?.resource?.current, { averageValue: '100m', averageUtilization: 100 });
  assert.ok(lastScaleTime !== undefined && desiredReplicas === 4);
  for (const [action, error] of [
    ['none', 'internal'],
    ['scale_up', 'none'],
  ]) {
    const labels = `action="${action}",error="${error}",metric_type="Resource"`;
    assert.match(metrics.expose(), new RegExp(`_metric_computation_total\\{${labels}\\} [1-9]`));
    assert.match(metrics.expose(), new RegExp(`_metric_computation_duration_seconds_count\\{${labels}\\} [1-9]`));
  }
  assert.ok(asked.includes('/apis/metrics.k8s.io/v1beta1/namespaces/ns/pods app=web'));
  await t.client.delete(horizontalpodautoscalers, { name: 'web', namespace: 'ns' });
});

test('a custom resource with a scale follows an external metric', async () => {
  await t.client.create(customresourcedefinitions, {
    metadata: { name: 'workers.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'workers', singular: 'worker', kind: 'Worker', listKind: 'WorkerList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' },
          },
        },
      ],
    },
  } as New<CustomResourceDefinition>);
  const workers: Resource<KubeObject> = { group: 'example.com', version: 'v1', resource: 'workers', kind: 'Worker', namespaced: true };
  const make = () =>
    t.client.create(workers, {
      apiVersion: 'example.com/v1',
      kind: 'Worker',
      metadata: { name: 'w', namespace: 'ns' },
      spec: { replicas: 2 },
    } as New<KubeObject>);
  await t.until(async () => make().catch(() => undefined));
  await t.client.patch(
    workers,
    { name: 'w', namespace: 'ns' },
    { type: 'merge', body: { status: { replicas: 2, selector: 'app=worker' } } },
    { subresource: 'status' },
  );
  answers.set('/apis/external.metrics.k8s.io/v1beta1/namespaces/ns/queue', { items: [{ timestamp: '2026-01-01T00:00:00Z', value: '31' }] });
  await autoscale('worker', { apiVersion: 'example.com/v1', kind: 'Worker', name: 'w' }, [
    { type: 'External', external: { metric: { name: 'queue' }, target: { type: 'AverageValue', averageValue: '10' } } },
  ]);
  await t.until(async () => {
    const found = (await t.client.get(workers, { name: 'w', namespace: 'ns' })) as unknown as {
      readonly spec: { readonly replicas: number };
    };
    return found.spec.replicas === 4 ? true : undefined;
  });
});

test('metrics of pods and of objects come from custom.metrics.k8s.io', async () => {
  await deployment('shop', 2);
  answers.set('/apis/custom.metrics.k8s.io', { preferredVersion: { groupVersion: 'custom.metrics.k8s.io/v1beta2' } });
  answers.set('/apis/custom.metrics.k8s.io/v1beta2/namespaces/ns/services/shop/hits', {
    items: [{ timestamp: '2026-01-01T00:00:00Z', value: '300' }],
  });
  answers.set('/apis/custom.metrics.k8s.io/v1beta2/namespaces/ns/pods/*/rps', {
    items: [0, 1].map((i) => ({ describedObject: { name: `shop-${i}` }, timestamp: '2026-01-01T00:00:00Z', value: '20' })),
  });
  await autoscale('shop', { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' }, [
    { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } },
    {
      type: 'Object',
      object: {
        describedObject: { apiVersion: 'v1', kind: 'Service', name: 'shop' },
        metric: { name: 'hits' },
        target: { type: 'Value', value: '200' },
      },
    },
  ]);
  await replicas('shop', 4);
  assert.ok(t.events.includes('Normal SuccessfulRescale New size: 4; reason: pods metric rps above target'));
  assert.deepEqual(
    (await status('shop')).currentMetrics?.map(({ type }) => type),
    ['Pods', 'Object'],
  );
});

test('a target that is not there, of no kind, or watched over by two, is said so', async () => {
  await autoscale('nowhere', { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nowhere' }, [cpu]);
  const { message } = await condition('nowhere', 'AbleToScale', 'FailedGetScale');
  assert.match(message ?? '', /^the HPA controller was unable to get the target's current scale: deployments.apps "nowhere" not found$/);
  await autoscale('kindless', { apiVersion: 'example.com/v9', kind: 'Nothing', name: 'x' }, [cpu]);
  assert.match(
    (await condition('kindless', 'AbleToScale', 'FailedGetScale')).message ?? '',
    /^the HPA controller was unable to get the target's current scale: no matches for kind "Nothing" in group "example.com"$/,
  );
  await autoscale('rival', { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' }, [cpu]);
  await condition('rival', 'ScalingActive', 'AmbiguousSelector');
  const told = 'pods by selector app=shop are controlled by multiple HPAs: [ns/rival ns/shop]';
  for (const reason of ['AmbiguousSelector', 'FailedComputeMetricsReplicas'])
    await t.until(() => Promise.resolve(t.events.includes(`Warning ${reason} ${told}`) ? true : undefined));
});
