import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentvolumeclaims, storageclasses } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { fakeClient, type FakeTransport } from '#client/testing.ts';
import { claimsRead } from './claims-read.ts';

const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
const waits = { metadata: { name: 'p', namespace: 'ns', uid: 'p' }, spec: { volumes, containers: [] }, status: {} } as unknown as Pod;
const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', resources: { requests: { storage: '1Gi' } } };
const unbound = { metadata: { name: 'data', namespace: 'ns', uid: 'd' }, spec, status: { phase: 'Pending' } };
const addClass = (server: FakeTransport) => void server.seed(storageclasses, { metadata: { name: 'fast' } } as never);
const refuse = (resource: string) => (server: FakeTransport) =>
  server.failNext({ resource }, new StatusError('Forbidden', `${resource} is forbidden`));

for (const c of [
  { of: 'of a class that is there', prepare: addClass, told: ['Pending, class fast'] },
  { of: 'of a class that is not there', prepare: () => {}, told: ['Pending, class fast, which is not there'] },
  { of: 'of a class that may not be read', prepare: refuse('storageclasses'), told: ['Pending, class fast'] },
  { of: 'that may not be read itself', prepare: refuse('persistentvolumeclaims'), told: [] },
]) {
  test(`claimsRead of a claim ${c.of}`, async () => {
    const { client, server } = fakeClient();
    server.seed(persistentvolumeclaims, unbound as never);
    c.prepare(server);
    assert.deepEqual(
      (await claimsRead(waits, client)).map(({ text }) => text),
      c.told,
    );
  });
}
