// What the status endpoint of every built-in resource takes of metadata, and that a manager owns of it what was taken and
// nothing else. The expected list is that of test/integration/apiserver/apply reset_fields_test.go of Kubernetes v1.36.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Schema } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { apiVersionOf, groupResourceString } from '#apimachinery/resource.ts';
import { builtInObjects } from '../testing/built-in-objects.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';
import { optionalContent, optionalName, optionalStatus } from '../testing/optional-objects.ts';

const schema = new Schema({ serves: () => true });
/** In the preferred version. */
const resources = [...new Map([...schema.resources()].toReversed().map((info) => [groupResourceString(info), info] as const)).values()];
const withStatus = resources.filter(({ verbs, subresources }) => verbs.includes('create') && subresources.has('status'));
const usual = new Map((await builtInObjects()).map((object) => [object.resource, object] as const));

/** Labels can be written through status. */
const TAKES_LABELS: ReadonlySet<string> = new Set([
  'customresourcedefinitions.apiextensions.k8s.io',
  'daemonsets.apps',
  'replicasets.apps',
  'statefulsets.apps',
  'cronjobs.batch',
  'jobs.batch',
  'horizontalpodautoscalers.autoscaling',
  'ingresses.networking.k8s.io',
  'nodes',
  'persistentvolumes',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'services',
  'poddisruptionbudgets.policy',
  'namespaces',
  'certificatesigningrequests.certificates.k8s.io',
]);

/** Where an empty one is refused. */
const STATUSES: Readonly<Record<string, object>> = { 'resourcepoolstatusrequests.resource.k8s.io': { poolCount: 0 } };

let running: LoopbackServer;
before(async () => {
  running = await startLoopbackServer({ options: { schema } });
});
after(() => running.stop());

for (const info of withStatus) {
  const name = groupResourceString(info);
  const takes = TAKES_LABELS.has(name);
  test(`the status of ${name} ${takes ? 'takes labels' : 'takes no labels, and nobody owns those sent to it'}`, async () => {
    const known = usual.get(name);
    const content = known?.content ?? optionalContent(info);
    assert.ok(content !== undefined, 'an object of this kind is known');
    const resource = { ...info, kind: info.kind } as never;
    const at = { name: known?.names?.[0] ?? optionalName(info), ...(info.namespaced ? { namespace: 'default' } : {}) };
    const { client } = running;
    await client.create(resource, { metadata: at, ...content } as never);
    const body = {
      apiVersion: apiVersionOf(info),
      kind: info.kind,
      metadata: { ...at, labels: { sent: 'here' } },
      status: known?.status ?? optionalStatus(info) ?? STATUSES[name] ?? {},
    };
    const patch = { type: 'apply', body: body as never, fieldManager: 'status', force: true } as const;
    const written = (await client.patch(resource, at, patch, { subresource: 'status' })) as KubeObject;
    const owned = (written.metadata.managedFields ?? []).some(
      ({ manager, fieldsV1 }) => manager === 'status' && JSON.stringify(fieldsV1).includes('f:sent'),
    );
    assert.deepEqual({ taken: written.metadata.labels?.['sent'] === 'here', owned }, { taken: takes, owned: takes });
  });
}
