// The life of an object of each workload kind as conformance walks it: create, patch, update, status, list across
// namespaces, delete by collection; and the watch that was there all the time. Source: test/e2e/apps, scheduling.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  controllerrevisions,
  cronjobs,
  daemonsets,
  deployments,
  horizontalpodautoscalers,
  jobs,
  limitranges,
  poddisruptionbudgets,
  podtemplates,
  priorityclasses,
  replicasets,
  replicationcontrollers,
  resourcequotas,
  statefulsets,
} from '#api/resources.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { KubeObject, New } from '#api/types.ts';
import type { WatchEvent } from '#client/contract.ts';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** What the tests look at in objects of every kind. */
interface Life extends KubeObject {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: { readonly conditions?: readonly Condition[] };
}

interface Case {
  readonly resource: Resource;
  /** All but metadata. */
  readonly body: object;
  /** A change that the kind takes, as a strategic merge patch. */
  readonly change?: object;
  readonly conditions?: boolean;
  readonly clusterScoped?: boolean;
}

const labels = { app: 'life' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'v1' }] } };
const ended = { metadata: { labels }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'v1' }] } };
const workload = { replicas: 1, selector: { matchLabels: labels }, template };
const newImage = { spec: { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } };

const CASES: readonly Case[] = [
  { resource: deployments as Resource, body: { spec: workload }, change: newImage, conditions: true },
  { resource: replicasets as Resource, body: { spec: workload }, change: newImage, conditions: true },
  { resource: statefulsets as Resource, body: { spec: { ...workload, serviceName: 's' } }, change: newImage, conditions: true },
  {
    resource: daemonsets as Resource,
    body: { spec: { selector: { matchLabels: labels }, template } },
    change: newImage,
    conditions: true,
  },
  {
    resource: replicationcontrollers as Resource,
    body: { spec: { replicas: 1, selector: labels, template } },
    change: newImage,
    conditions: true,
  },
  { resource: jobs as Resource, body: { spec: { template: ended } }, change: { spec: { suspend: true } }, conditions: true },
  {
    resource: cronjobs as Resource,
    body: { spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template: ended } } } },
    change: { spec: { suspend: true } },
  },
  {
    resource: poddisruptionbudgets as Resource,
    body: { spec: { minAvailable: 1, selector: { matchLabels: { app: 'none' } } } },
    change: { spec: { minAvailable: '50%' } },
    conditions: true,
  },
  {
    resource: horizontalpodautoscalers as Resource,
    body: { spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' } } },
    change: { spec: { maxReplicas: 3 } },
    conditions: true,
  },
  { resource: controllerrevisions as Resource, body: { revision: 1, data: { spec: { a: 1 } } }, change: { revision: 2 } },
  { resource: podtemplates as Resource, body: { template }, change: { template: { metadata: { labels: { more: 'x' } } } } },
  {
    resource: limitranges as Resource,
    body: { spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '10m' } }] } },
    change: { spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '20m' } }] } },
  },
  { resource: resourcequotas as Resource, body: { spec: { hard: { 'count/secrets': '9' } } }, change: { spec: { hard: { pods: '100' } } } },
  { resource: priorityclasses as Resource, body: { value: 7 }, change: { description: 'new' }, clusterScoped: true },
];

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: CONTROLLERS });
});
after(() => t.stop());

for (const { resource: untyped, body, change, conditions = false, clusterScoped = false } of CASES) {
  const resource = untyped as Resource<Life>;

  test(`${resource.resource} live as conformance walks it, and a watch sees all of it`, async () => {
    const labelSelector = `life=${resource.resource}`;
    const ref = clusterScoped ? { name: 'life' } : { name: 'life', namespace: 'ns' };
    const { resourceVersion } = (await t.client.list(resource, { labelSelector })).metadata;
    assert.ok(resourceVersion);
    const ending = new AbortController();
    const seen: WatchEvent<Life>[] = [];
    const watching = (async () => {
      for await (const event of t.client.watch(resource, { labelSelector, resourceVersion, signal: ending.signal })) {
        seen.push(event);
        if (event.type === 'DELETED') return;
      }
    })();

    const metadata = { ...ref, labels: { life: resource.resource } };
    const created = await t.client.create(resource, { metadata, ...body } as New<Life>);
    await assert.rejects(t.client.create(resource, { metadata, ...body } as New<Life>), { reason: 'AlreadyExists' });

    await t.client.patch(resource, ref, { type: 'strategic', body: { metadata: { labels: { patched: 'true' } }, ...change } });
    const patched = await t.client.get(resource, ref);
    assert.equal(patched.metadata.labels?.['patched'], 'true');
    assert.equal(patched.metadata.uid, created.metadata.uid);
    await assert.rejects(t.client.update(resource, { ...patched, metadata: { ...patched.metadata, resourceVersion: '1' } } as New<Life>), {
      reason: 'Conflict',
    });

    await retryOnConflict(async () => {
      const now = await t.client.get(resource, ref);
      const annotations = { ...now.metadata.annotations, updated: 'true' };
      return t.client.update(resource, { ...now, metadata: { ...now.metadata, annotations } } as New<Life>);
    });
    assert.equal((await t.client.get(resource, ref)).metadata.annotations?.['updated'], 'true');

    if (conditions) {
      const set = { status: 'True', reason: 'E2E', message: 'Set from e2e test', lastTransitionTime: '2026-01-01T00:00:00Z' };
      const added = await retryOnConflict(async () => {
        const now = await t.client.get(resource, ref, { subresource: 'status' });
        const status = { ...now.status, conditions: [...(now.status?.conditions ?? []), { type: 'StatusUpdate', ...set }] };
        const relabelled = { ...now.metadata, labels: { ...now.metadata.labels, patched: 'by-status' } };
        return t.client.update(resource, { ...now, metadata: relabelled, status } as New<Life>, { subresource: 'status' });
      });
      assert.ok(added.status?.conditions?.some(({ type }) => type === 'StatusUpdate'));
      const replaced = await t.client.patch(
        resource,
        ref,
        { type: 'merge', body: { status: { conditions: [{ type: 'StatusPatched', ...set }] } } },
        { subresource: 'status' },
      );
      assert.deepEqual(
        replaced.status?.conditions?.map(({ type }) => type),
        ['StatusPatched'],
      );
      assert.deepEqual(replaced.spec, (await t.client.get(resource, ref)).spec);
    }

    const everywhere = await t.client.list(resource, { labelSelector });
    assert.deepEqual(
      everywhere.items.map((item) => item.metadata.uid),
      [created.metadata.uid],
    );
    await t.client.deleteCollection(resource, { ...(clusterScoped ? {} : { namespace: 'ns' }), labelSelector });
    await t.until(async () => ((await t.client.list(resource, { labelSelector })).items.length === 0 ? true : undefined));
    await watching;
    ending.abort();
    const types = seen.map(({ type }) => type);
    assert.deepEqual([types[0], types.at(-1)], ['ADDED', 'DELETED']);
    assert.ok(types.slice(1, -1).every((type) => type === 'MODIFIED'));
    const shown = new Set(
      seen.flatMap((event) => ('object' in event ? (event.object.status?.conditions ?? []) : [])).map(({ type }) => type),
    );
    if (conditions) assert.ok(shown.has('StatusUpdate') && shown.has('StatusPatched'));
  });
}

/** As `retry.RetryOnConflict`: controllers write to the same object. */
async function retryOnConflict<T>(write: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!isStatusError(error, 'Conflict')) throw error;
    }
  }
}
