import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namespaces, priorityclasses } from '#api/resources.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { fakeClient } from '#client/testing.ts';
import { ensureSystemNamespaces, ensureSystemPriorityClasses } from './system-objects.ts';

test('ensureSystemNamespaces and ensureSystemPriorityClasses write what is missing, once', async () => {
  const { client, server } = fakeClient();
  server.seed(namespaces, { metadata: { name: 'default', labels: { kept: 'yes' } } } as never);
  await ensureSystemNamespaces(client);
  await ensureSystemPriorityClasses(client);
  assert.deepEqual(
    server.stored(namespaces).map(({ metadata }) => metadata.name),
    ['default', 'kube-node-lease', 'kube-public', 'kube-system'],
  );
  assert.deepEqual(
    server.stored(priorityclasses).map(({ metadata, value }) => [metadata.name, value]),
    [
      ['system-cluster-critical', 2_000_000_000],
      ['system-node-critical', 2_000_001_000],
    ],
  );
  assert.deepEqual(server.stored(namespaces)[0]?.metadata.labels, { kept: 'yes' });
  server.clearActions();
  await ensureSystemNamespaces(client);
  await ensureSystemPriorityClasses(client);
  assert.deepEqual(server.writes(), []);
});

test('ensureSystemNamespaces does not mind another being first', async () => {
  const { client, server } = fakeClient();
  server.failNext({ verb: 'create' }, new StatusError('AlreadyExists', 'there'), 4);
  await ensureSystemNamespaces(client);
  server.failNext({ verb: 'create' }, new StatusError('Forbidden', 'no'));
  await assert.rejects(ensureSystemNamespaces(client), /no/);
});
