import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { Api, definition, version, type Json } from '../../extensions/testing.ts';
import { MemoryStore } from '../../testing/memory-store.ts';
import { base64, onlyWebhooks, patching, startWebhookServer, type Asked, type WebhookServer } from './testing.ts';

const GROUP = 'hooks.example.com';
const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';

let api: Api;
let hooks: WebhookServer;

const dataOf = ({ object, oldObject }: Asked): Json => ((object ?? oldObject) as unknown as { readonly data?: Json }).data ?? {};

before(async () => {
  api = await Api.start({ store: new MemoryStore(systemClock), parts: (parts) => ({ admission: onlyWebhooks(parts) }) });
  hooks = await startWebhookServer(api.test.authority, {
    '/mutate': (request) =>
      'start' in dataOf(request)
        ? patching([
            { op: 'add', path: '/data/kept', value: 'yes' },
            { op: 'add', path: '/data/pruned', value: 'yes' },
          ])
        : {},
    '/deny': (request) => ('forbidden' in dataOf(request) ? { allowed: false, status: { message: 'not that' } } : {}),
  });
  await api.define(
    definition({
      group: GROUP,
      versions: [closed('v1', true), closed('v2', false)],
    }),
  );
});
after(async () => {
  await hooks.stop();
  await api.stop();
});

const text = { type: 'string' };
const closed = (name: string, storage: boolean): Json =>
  version(
    name,
    {
      type: 'object',
      properties: {
        data: {
          type: 'object',
          properties: { start: text, kept: text, forbidden: text, made: { type: 'string', default: name } },
        },
      },
    },
    { storage },
  );

const path = (v: string): string => `/apis/${GROUP}/${v}/namespaces/default/widgets`;
const widget = (v: string, name: string, data: Json): Json => ({ apiVersion: `${GROUP}/${v}`, kind: 'Widget', metadata: { name }, data });
const configuration = (kind: 'Mutating' | 'Validating', hook: string, over: Json = {}): Json => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: `${kind}WebhookConfiguration`,
  metadata: { name: hook.slice(1) },
  webhooks: [
    {
      name: `${hook.slice(1)}.example.com`,
      clientConfig: { url: `${hooks.url}${hook}`, caBundle: base64(api.test.authority.certificate) },
      rules: [{ operations: ['*'], apiGroups: [GROUP], apiVersions: ['v1'], resources: ['widgets'] }],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      ...over,
    },
  ],
});

test('a custom resource is mutated, pruned and given its defaults', async () => {
  await api.done('POST', `${REGISTRATION}/mutatingwebhookconfigurations`, configuration('Mutating', '/mutate'));
  const made = await api.done('POST', path('v1'), widget('v1', 'a', { start: '1' }));
  assert.deepEqual(made['data'], { start: '1', kept: 'yes', made: 'v1' });
  // Asked in v1 about a write in v2, and taken back to v2.
  const other = await api.done('POST', path('v2'), widget('v2', 'b', { start: '1' }));
  assert.deepEqual([other['apiVersion'], other['data']], [`${GROUP}/v2`, { start: '1', kept: 'yes', made: 'v2' }]);
  assert.deepEqual(
    hooks.asked('/mutate').map(({ kind, requestKind, object }) => [kind.version, requestKind?.version, object?.apiVersion]),
    [
      ['v1', 'v1', `${GROUP}/v1`],
      ['v1', 'v2', `${GROUP}/v1`],
    ],
  );
  await api.done('DELETE', `${REGISTRATION}/mutatingwebhookconfigurations/mutate`);
});

test('a custom resource is denied to be made, changed and deleted, and so is a definition', async () => {
  await api.done('POST', path('v1'), widget('v1', 'c', { forbidden: 'x' }));
  await api.done('POST', path('v1'), widget('v1', 'd', {}));
  await api.done('POST', `${REGISTRATION}/validatingwebhookconfigurations`, configuration('Validating', '/deny'));
  const merge = { contentType: 'application/merge-patch+json' };
  for (const answer of [
    await api.request('POST', path('v2'), widget('v2', 'e', { forbidden: 'x' })),
    await api.request('PATCH', `${path('v1')}/d`, { data: { forbidden: 'x' } }, merge),
    await api.request('DELETE', `${path('v2')}/c`),
  ]) {
    assert.deepEqual([answer.code, answer.body.message], [400, 'admission webhook "deny.example.com" denied the request: not that']);
  }
  await api.done('PATCH', `${path('v1')}/c`, { data: { forbidden: null } }, merge);
  await api.done('DELETE', `${path('v1')}/c`);
  await api.done(
    'PATCH',
    `${REGISTRATION}/validatingwebhookconfigurations/deny`,
    {
      webhooks: configuration('Validating', '/deny', {
        rules: [
          { operations: ['CREATE'], apiGroups: ['apiextensions.k8s.io'], apiVersions: ['*'], resources: ['customresourcedefinitions'] },
        ],
        clientConfig: { url: 'https://127.0.0.1:1/none' },
      })['webhooks'] as readonly Json[],
    },
    merge,
  );
  const refused = await api.request(
    'POST',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    definition({ group: 'other.example.com' }),
  );
  assert.equal(refused.code, 500);
  assert.match(refused.body.message, /^Internal error occurred: failed calling webhook "deny\.example\.com": /);
});
