// What conformance asks of certificate requests, events and statuses beyond the life that objects of every kind have.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { certificatesigningrequests, events, eventsEvents, ingresses, services } from '#api/resources.ts';
import type { CertificateSigningRequest, Event, EventsV1Event, Ingress, New, Service } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';
import { pemRequest } from '#test/interop/certificate-request.ts';
import { createTestAuthority } from '../testing/certificates.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

let running: LoopbackServer;
let client: Client;
before(async () => {
  running = await startLoopbackServer({ clock: new ManualClock() });
  ({ client } = running);
});
after(() => running.stop());

const namespace = 'default';
const annotated = (key: string, status: object) =>
  ({ type: 'merge', body: { metadata: { annotations: { [key]: 'true' } }, status } }) as const;

for (const [resource, spec] of [
  [services, { type: 'LoadBalancer', ports: [{ port: 80 }] }],
  [ingresses, { defaultBackend: { service: { name: 'some', port: { number: 80 } } } }],
] as const) {
  test(`a change of the status of ${resource.resource} takes annotations with it, and leaves what is asked for`, async () => {
    const ref = { name: 'stated', namespace };
    await client.create(resource as typeof services, { metadata: ref, spec } as New<Service>);
    const status = { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } };
    const patch = annotated('patchedstatus', status);
    const body = { ...patch.body, spec: { sessionAffinity: 'ClientIP', ingressClassName: 'none' } };
    const changed = await client.patch(resource as typeof services, ref, { ...patch, body }, { subresource: 'status' });
    assert.deepEqual(changed.metadata.annotations, { patchedstatus: 'true' });
    assert.equal(changed.status.loadBalancer?.ingress?.[0]?.ip, '203.0.113.1');
    const { sessionAffinity, ingressClassName } = changed.spec as Partial<Ingress['spec'] & Service['spec']>;
    assert.deepEqual([sessionAffinity, ingressClassName], [resource === services ? 'None' : undefined, undefined]);
  });
}

test('a certificate request is found by its signer, approved and given its certificate, annotations along', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = Buffer.from(await pemRequest({ publicKey, privateKey, commonName: 'ann', organization: 'crew' })).toString('base64');
  const signerName = 'example.com/walk';
  const content = { spec: { request, signerName, usages: ['digital signature', 'server auth'], expirationSeconds: 3600 } };
  const made = await Promise.all(
    ['a-', 'b-', 'c-'].map((generateName) =>
      client.create(certificatesigningrequests, { metadata: { generateName }, ...content } as New<CertificateSigningRequest>),
    ),
  );
  const ref = { name: made[0]?.metadata.name ?? '' };
  const fieldSelector = `spec.signerName=${signerName}`;
  const found = async () => (await client.list(certificatesigningrequests, { fieldSelector })).items.length;
  assert.equal(await found(), 3);

  const condition = (type: string) => ({ type, status: 'True', reason: 'E2E' });
  const stamped = annotated('patchedapproval', { conditions: [condition('ApprovalPatch')] });
  const patched = await client.patch(certificatesigningrequests, ref, stamped, { subresource: 'approval' });
  assert.deepEqual(
    [patched.status.conditions?.map(({ type }) => type), patched.metadata.annotations],
    [['ApprovalPatch'], { patchedapproval: 'true' }],
  );
  const more = {
    ...patched,
    status: { conditions: [...(patched.status.conditions ?? []), condition('Approved')] },
  } as CertificateSigningRequest;
  const approved = await client.update(certificatesigningrequests, more, { subresource: 'approval' });
  assert.deepEqual(await client.get(certificatesigningrequests, ref, { subresource: 'approval' }), approved);

  const { certificate: signed } = await (await createTestAuthority(0)).serving({ dns: ['ann'], ip: [] });
  const certificate = Buffer.from(signed).toString('base64');
  const stated = await client.patch(certificatesigningrequests, ref, annotated('patchedstatus', { certificate }), {
    subresource: 'status',
  });
  assert.equal(stated.status.certificate, certificate);
  assert.deepEqual(stated.metadata.annotations, { patchedapproval: 'true', patchedstatus: 'true' });
  const last = { ...stated, status: { ...stated.status, conditions: [...(stated.status.conditions ?? []), condition('StatusUpdate')] } };
  const ended = await client.update(certificatesigningrequests, last as CertificateSigningRequest, { subresource: 'status' });
  assert.deepEqual(
    ended.status.conditions?.map(({ type }) => type),
    ['ApprovalPatch', 'Approved', 'StatusUpdate'],
  );
  await client.delete(certificatesigningrequests, ref);
  assert.equal(await found(), 2);
  await client.deleteCollection(certificatesigningrequests, { fieldSelector });
  assert.equal(await found(), 0);
});

describe('events', () => {
  const metadata = { name: 'told', namespace, labels: { walk: 'yes' } };
  const names = async (list: Promise<{ readonly items: readonly { readonly metadata: { readonly name: string } }[] }>) =>
    (await list).items.map((item) => item.metadata.name);

  test('are one in both groups, found by where they come from in either', async () => {
    await client.create(eventsEvents, {
      metadata,
      regarding: { namespace },
      eventTime: '2017-09-19T13:49:16.000000Z',
      note: 'first',
      action: 'Do',
      reason: 'Test',
      type: 'Normal',
      reportingController: 'test-controller',
      reportingInstance: 'test-node',
    } as New<EventsV1Event>);
    await client.create(events, {
      metadata: { name: 'other', namespace },
      involvedObject: { namespace },
      source: { component: 'c' },
    } as New<Event>);
    assert.deepEqual(await names(client.list(events, { namespace, fieldSelector: 'source=test-controller' })), ['told']);
    assert.deepEqual(await names(client.list(events, { namespace, fieldSelector: 'source=c' })), ['other']);
    assert.deepEqual(await names(client.list(eventsEvents, { namespace, fieldSelector: 'reportingController=test-controller' })), ['told']);
    await client.patch(eventsEvents, metadata, { type: 'strategic', body: { note: 'second' } });
    assert.equal((await client.get(events, metadata)).message, 'second');
  });

  test('are changed without a version, and removed by label', async () => {
    const { resourceVersion: _, managedFields: _fields, ...bare } = (await client.get(eventsEvents, metadata)).metadata;
    const series = { count: 100, lastObservedTime: '2017-09-19T13:49:16.000000Z' };
    const event = { ...(await client.get(eventsEvents, metadata)), metadata: bare, series };
    const updated = await client.update(eventsEvents, event as EventsV1Event);
    assert.deepEqual({ ...updated, metadata: bare }, event);
    await client.deleteCollection(events, { namespace, labelSelector: 'walk=yes' });
    assert.deepEqual(await names(client.list(eventsEvents, { labelSelector: 'walk=yes' })), []);
  });
});
