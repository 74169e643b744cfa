// What the scale endpoint refuses. Source: pkg/registry/apps/deployment/storage scaleUpdatedObjectInfo, genericregistry Store.Update.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { customresourcedefinitions, deployments } from '#api/resources.ts';
import type { CustomResourceDefinition, Deployment, KubeObject, New } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Client } from '#client/contract.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

let running: LoopbackServer;
let client: Client;
let uid: string;
const REF = { name: 'web', namespace: 'default' } as const;
before(async () => {
  running = await startLoopbackServer();
  ({ client } = running);
  const made = await client.create(deployments, {
    metadata: REF,
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  } as New<Deployment>);
  uid = made.metadata.uid;
});
after(() => running.stop());

const scale = (members: object): New<Deployment> =>
  ({ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: REF, ...members }) as unknown as New<Deployment>;

async function refusal(write: Promise<unknown>): Promise<readonly [reason: string, message: string, kind: string | undefined]> {
  const error: unknown = await write.then(
    () => assert.fail('it was taken'),
    (e: unknown) => e,
  );
  assert.ok(isStatusError(error));
  return [error.reason, error.message, error.details?.kind];
}

test('a PUT of another uid is refused before anything is looked at', async () => {
  const put = client.update(deployments, scale({ metadata: { ...REF, uid: 'other' }, spec: { replicas: -1 } }), { subresource: 'scale' });
  const failed = `Precondition failed: UID in precondition: other, UID in object meta: ${uid}`;
  const why = `StorageError: invalid object, Code: 4, Key: /deployments/default/web, ResourceVersion: 0, AdditionalErrorMsg: ${failed}`;
  assert.deepEqual(await refusal(put), ['Conflict', `Operation cannot be fulfilled on deployments.apps "web": ${why}`, 'deployments']);
});

test('a patch to another uid is refused by the endpoint', async () => {
  const patch = client.patch(deployments, REF, { type: 'merge', body: { metadata: { uid: 'other' } } }, { subresource: 'scale' });
  const why = `Precondition failed: UID in precondition: other, UID in object meta: ${uid}`;
  const message = `Operation cannot be fulfilled on deployments/scale.apps "web": ${why}`;
  assert.deepEqual(await refusal(patch), ['Conflict', message, 'deployments/scale']);
});

test('fewer replicas than none are refused by the kind that is scaled where it is a custom one', async () => {
  const put = client.update(deployments, scale({ spec: { replicas: -1 } }), { subresource: 'scale' });
  const detail = 'Invalid value: -1: must be greater than or equal to 0';
  assert.deepEqual(await refusal(put), ['Invalid', `Scale.autoscaling "web" is invalid: spec.replicas: ${detail}`, 'Scale']);

  const names = { plural: 'sets', kind: 'Set' };
  const { metadata } = await client.create(customresourcedefinitions, {
    metadata: { name: 'sets.scale.example.com' },
    spec: {
      group: 'scale.example.com',
      scope: 'Namespaced',
      names,
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          subresources: { scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
        },
      ],
    },
  } as unknown as New<CustomResourceDefinition>);
  for await (const event of client.watch(customresourcedefinitions, { fieldSelector: `metadata.name=${metadata.name}` })) {
    if (
      event.type !== 'BOOKMARK' &&
      event.object.status.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')
    )
      break;
  }
  const sets = {
    group: 'scale.example.com',
    version: 'v1',
    resource: 'sets',
    kind: 'Set',
    namespaced: true,
  } as unknown as Resource<KubeObject>;
  const set = { apiVersion: 'scale.example.com/v1', kind: 'Set', metadata: REF, spec: { replicas: 1 } } as unknown as New<KubeObject>;
  await client.create(sets, set);
  const patch = client.patch(sets, REF, { type: 'merge', body: { spec: { replicas: -1 } } }, { subresource: 'scale' });
  const message = 'Set.scale.example.com "web" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer';
  assert.deepEqual(await refusal(patch), ['Invalid', message, 'Set']);
});
