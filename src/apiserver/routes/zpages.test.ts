import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOnByDefault } from '#api/feature-gates/feature-gate-table.ts';
import { startTestServer } from '../testing.ts';
import { http1, json, text } from '../testing/http.ts';

test('an API server tells what it is and how it was started, each behind its gate', async (t) => {
  const server = await startTestServer({ options: { flags: { 'secure-port': '6443', 'anonymous-auth': 'true' } } });
  t.after(() => server.stop());
  const status = text(await http1(server, '/statusz'));
  assert.match(status, /^\nkube-apiserver statusz\n/);
  assert.match(status, /\nPaths: \/flagz \/healthz \/livez \/metrics \/readyz \/statusz \/version\n/);
  assert.match(text(await http1(server, '/flagz')), /^\nkube-apiserver flagz\n.*\nanonymous-auth=true\nsecure-port=6443\n$/);
  const accept = 'application/json;g=config.k8s.io;v=v1beta1;as=Flagz';
  assert.deepEqual(json(await http1(server, '/flagz', { headers: { accept } })), {
    kind: 'Flagz',
    apiVersion: 'config.k8s.io/v1beta1',
    metadata: { name: 'kube-apiserver' },
    flags: { 'anonymous-auth': 'true', 'secure-port': '6443' },
  });
  assert.equal((await http1(server, '/statusz', { headers: { accept: 'image/png' } })).status, 406);
  assert.equal((await http1(server, '/statusz', { as: 'nobody' })).status, 403);
});

test('an API server whose gates are closed does not', async (t) => {
  const isFeatureOn = (gate: string): boolean => gate !== 'ComponentFlagz' && isOnByDefault(gate);
  const server = await startTestServer({ options: { isFeatureOn } });
  t.after(() => server.stop());
  assert.equal((await http1(server, '/flagz')).status, 404);
  assert.equal((await http1(server, '/statusz')).status, 200);
});
