// Several versions and a webhook that converts between them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KubeObject } from '#api/types.ts';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#client/client.ts';
import { ADMIN } from '../../testing.ts';
import { createTestAuthority, type TestAuthority } from '../../testing/certificates.ts';
import { startHttpsServer, type HttpsServer } from '../../testing/https-server.ts';
import { Api, definition, DEFINITIONS, objectOf, version, type Json } from '../testing.ts';
import { ConversionError, convertedObjects } from './review.ts';

let api: Api;
let authority: TestAuthority;
let hook: HttpsServer;
/** What the webhook does next instead of converting. */
let broken: ((review: Review) => object) | undefined;

interface Review {
  readonly apiVersion: string;
  readonly request: {
    readonly uid: string;
    readonly desiredAPIVersion: string;
    readonly objects: readonly (KubeObject & { readonly spec: Json })[];
  };
}

/** v1 has `hostPort: "host:port"`, v2 has `host` and `port`. */
function convert(object: KubeObject & { readonly spec: Json }, apiVersion: string): object {
  const { hostPort, host, port, ...rest } = object.spec as { hostPort?: string; host?: string; port?: string };
  const [h = '', p = ''] = (hostPort ?? '').split(':');
  const spec = apiVersion.endsWith('/v2') ? { ...rest, host: h, port: p } : { ...rest, hostPort: `${host}:${port}` };
  return { ...object, apiVersion, spec };
}

const success = ({ apiVersion, request: { uid, desiredAPIVersion, objects } }: Review): object => ({
  kind: 'ConversionReview',
  apiVersion,
  response: { uid, result: { status: 'Success' }, convertedObjects: objects.map((object) => convert(object, desiredAPIVersion)) },
});

before(async () => {
  api = await Api.start();
  authority = await createTestAuthority(systemClock.now());
  hook = await startHttpsServer(authority, ({ body }, answer) => {
    const review = JSON.parse(body) as Review;
    answer.json(200, (broken ?? success)(review));
  });
});
after(async () => {
  await hook.stop();
  await api.stop();
});

const text = { type: 'string' };
const V1 = objectOf({ properties: { hostPort: text, color: text } });
const V2 = objectOf({ properties: { host: text, port: text, color: text } });
const fields = { selectableFields: [{ jsonPath: '.spec.color' }] };
const v2Fields = { selectableFields: [{ jsonPath: '.spec.color' }, { jsonPath: '.spec.host' }] };

const crd = (group: string, storage: 'v1' | 'v2' = 'v1'): Json =>
  definition({
    group,
    versions: [version('v1', V1, { storage: storage === 'v1', ...fields }), version('v2', V2, { storage: storage === 'v2', ...v2Fields })],
    spec: {
      conversion: {
        strategy: 'Webhook',
        webhook: {
          clientConfig: { url: `${hook.url}/convert`, caBundle: Buffer.from(authority.certificate).toString('base64') },
          conversionReviewVersions: ['v1', 'v1beta1'],
        },
      },
    },
  });
const path = (group: string, v: string): string => `/apis/${group}/${v}/namespaces/default/widgets`;
const widget = (group: string, v: string, name: string, spec: object): Json => ({
  apiVersion: `${group}/${v}`,
  kind: 'Widget',
  metadata: { name },
  spec,
});
const MERGE = { contentType: 'application/merge-patch+json' };

describe('conversion by webhook', () => {
  test('shows an object in another version, and takes it back', async () => {
    const group = 'one.example.com';
    await api.define(crd(group));
    await api.done('POST', path(group, 'v1'), widget(group, 'v1', 'a', { hostPort: 'h:80' }));
    const shown = await api.done('GET', `${path(group, 'v2')}/a`);
    assert.deepEqual([shown['apiVersion'], shown.spec], [`${group}/v2`, { host: 'h', port: '80' }]);
    const updated = await api.done('PUT', `${path(group, 'v2')}/a`, { ...shown, spec: { host: 'other', port: '81' } });
    assert.deepEqual(updated.spec, { host: 'other', port: '81' });
    assert.deepEqual((await api.done('GET', `${path(group, 'v1')}/a`)).spec, { hostPort: 'other:81' });
    const patched = await api.done('PATCH', `${path(group, 'v2')}/a?fieldManager=x`, { spec: { port: '82' } }, MERGE);
    assert.deepEqual([patched.spec, patched.metadata['generation']], [{ host: 'other', port: '82' }, 3]);
    const applied = await api.done('PATCH', `${path(group, 'v2')}/a?fieldManager=me`, widget(group, 'v2', 'a', { color: 'red' }), {
      contentType: 'application/apply-patch+yaml',
    });
    assert.deepEqual(applied.spec, { color: 'red', host: 'other', port: '82' });
    await api.done('DELETE', `${path(group, 'v2')}/a`);
  });

  test('lists objects that were stored in several versions', async () => {
    const group = 'mixed.example.com';
    await api.define(crd(group));
    await api.done('POST', path(group, 'v1'), widget(group, 'v1', 'a', { hostPort: 'a:1' }));
    const { body } = await api.get(`${DEFINITIONS}/widgets.${group}`);
    const changed = await api.done('PUT', `${DEFINITIONS}/widgets.${group}`, { ...body, spec: (crd(group, 'v2') as { spec: Json }).spec });
    assert.deepEqual(changed.status['storedVersions'], ['v1', 'v2']);
    await api.done('POST', path(group, 'v1'), widget(group, 'v1', 'b', { hostPort: 'b:2' }));
    const list = await api.done('GET', path(group, 'v2'));
    assert.deepEqual(
      list.items.map(({ apiVersion, spec }) => [apiVersion, spec]),
      [
        [`${group}/v2`, { host: 'a', port: '1' }],
        [`${group}/v2`, { host: 'b', port: '2' }],
      ],
    );
    assert.deepEqual(
      (await api.done('GET', path(group, 'v1'))).items.map(({ spec }) => spec),
      [{ hostPort: 'a:1' }, { hostPort: 'b:2' }],
    );
    // A write that changes nothing stores the object anew in the version that is stored now.
    const before = await api.done('GET', `${path(group, 'v2')}/a`);
    const after_ = await api.done('PUT', `${path(group, 'v2')}/a`, before);
    assert.notEqual(after_.metadata['resourceVersion'], before.metadata['resourceVersion']);
    const again = await api.done('PUT', `${path(group, 'v2')}/a`, after_);
    assert.equal(again.metadata['resourceVersion'], after_.metadata['resourceVersion']);
  });

  test('is not asked for when a definition goes: operators are removed with their webhooks', async () => {
    const group = 'removed.example.com';
    const name = `widgets.${group}`;
    for (const served of [true, false]) {
      const spec = (crd(group, 'v2') as { readonly spec: Json & { readonly versions: readonly [Json, Json] } }).spec;
      const [v1, v2] = spec.versions;
      await api.define({ ...crd(group, 'v2'), spec: { ...spec, versions: [v1, { ...v2, served }] } });
      if (served) await api.done('POST', path(group, 'v2'), widget(group, 'v2', 'a', { host: 'a', port: '1' }));
      else await api.done('POST', path(group, 'v1'), widget(group, 'v1', 'a', { hostPort: 'a:1' }));
      broken = () => ({ kind: 'Nonsense' });
      await api.done('DELETE', `${DEFINITIONS}/${name}`);
      await api.until(name, (found) => found === undefined);
      broken = undefined;
    }
  });

  test('selects by fields of the version asked for, in lists and watches', async () => {
    const group = 'select.example.com';
    const defined = await api.define(crd(group));
    assert.equal(defined.spec.conversion.strategy, 'Webhook');
    await api.done('POST', path(group, 'v1'), widget(group, 'v1', 'a', { hostPort: 'host1:1', color: 'blue' }));
    await api.done('POST', path(group, 'v1'), widget(group, 'v1', 'b', { hostPort: 'host2:1', color: 'red' }));
    const names = async (v: string, selector: string): Promise<readonly unknown[]> =>
      (await api.done('GET', `${path(group, v)}?fieldSelector=${encodeURIComponent(selector)}`)).items.map(
        ({ metadata }) => metadata['name'],
      );
    assert.deepEqual(
      [await names('v2', 'spec.host=host2'), await names('v2', 'spec.color=blue'), await names('v1', 'spec.color=red')],
      [['b'], ['a'], ['b']],
    );
    const client = createClient(api.test.server.loopback(ADMIN));
    const resource = { group, version: 'v2', resource: 'widgets', kind: 'Widget', namespaced: true } as const;
    const watch = client.watch(resource, { namespace: 'default', fieldSelector: 'spec.host=host2', resourceVersion: '0' });
    const next = async (): Promise<string> => {
      const { value } = await watch.next();
      const event = value as { readonly type: string; readonly object: KubeObject & { readonly spec: Json } };
      return `${event.type} ${event.object.metadata.name} ${String(event.object.spec['host'])}`;
    };
    assert.equal(await next(), 'ADDED b host2');
    await api.done('PATCH', `${path(group, 'v1')}/a`, { spec: { hostPort: 'host2:9' } }, MERGE);
    assert.equal(await next(), 'ADDED a host2');
    await api.done('PATCH', `${path(group, 'v2')}/b`, { spec: { host: 'host3' } }, MERGE);
    assert.equal(await next(), 'DELETED b host2');
    await api.done('DELETE', `${path(group, 'v1')}/a`);
    assert.equal(await next(), 'DELETED a host2');
    await watch.return?.();
  });

  test('says what the webhook did wrong, and nothing is written', async () => {
    const group = 'wrong.example.com';
    await api.define(crd(group));
    await api.done('POST', path(group, 'v1'), widget(group, 'v1', 'a', { hostPort: 'h:1' }));
    const failure = async (make: typeof broken, method = 'GET'): Promise<string> => {
      broken = make;
      try {
        const answer = await api.request(
          method,
          method === 'GET' ? `${path(group, 'v2')}/a` : path(group, 'v2'),
          method === 'GET' ? undefined : widget(group, 'v2', 'b', { host: 'h' }),
        );
        assert.equal(answer.code, 500);
        return answer.body.message;
      } finally {
        broken = undefined;
      }
    };
    const about = `Internal error occurred: conversion webhook for ${group}/v1, Kind=Widget`;
    assert.equal(
      await failure((review) => ({
        kind: 'ConversionReview',
        apiVersion: review.apiVersion,
        response: { uid: review.request.uid, result: { status: 'Failed', message: 'no' } },
      })),
      `${about} failed: no`,
    );
    assert.equal(
      await failure((review) => {
        const answer = success(review) as { response: { convertedObjects: KubeObject[] } };
        const [first] = answer.response.convertedObjects;
        return {
          ...answer,
          response: { ...answer.response, convertedObjects: [{ ...first, metadata: { ...first?.metadata, name: 'x' } }] },
        };
      }),
      `${about} returned invalid object: must have the same name: a != x`,
    );
    assert.equal(
      await failure((review) => ({
        ...success(review),
        response: { ...((success(review) as Json)['response'] as Json), convertedObjects: [] },
      })),
      `${about} returned 0 objects, expected 1`,
    );
    assert.match(
      await failure(() => ({}), 'POST'),
      /^Internal error occurred: conversion webhook for wrong\.example\.com\/v2, Kind=Widget failed: expected webhook response of/,
    );
    assert.deepEqual(
      (await api.done('GET', path(group, 'v1'))).items.map(({ metadata }) => metadata['name']),
      ['a'],
    );
    const metrics = (await api.get('/metrics')).text;
    for (const [result, kind] of [
      ['success', ''],
      ['failure', 'conversion_webhook_malformed_response_failure'],
      ['failure', 'conversion_webhook_partial_response_failure'],
      ['failure', 'conversion_webhook_invalid_converted_object_failure'],
    ] as const)
      assert.match(
        metrics,
        new RegExp(`^apiserver_conversion_webhook_request_total\\{failure_type="${kind}",result="${result}"\\} [1-9]`, 'm'),
      );
    assert.match(
      metrics,
      /^apiserver_crd_conversion_webhook_duration_seconds_count\{crd_name="widgets\.wrong\.example\.com",from_version="v1",succeeded="false",to_version="v2"\} 3$/m,
    );
  });
});

const object = {
  apiVersion: 'a.b/v1',
  kind: 'K',
  metadata: { name: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: 't' },
} as unknown as KubeObject;
const answerWith = (converted: object): object => ({
  kind: 'ConversionReview',
  apiVersion: 'apiextensions.k8s.io/v1',
  response: { uid: '1', result: { status: 'Success' }, convertedObjects: [converted] },
});

for (const [name, metadata, expected] of [
  [
    'keeps all metadata but labels and annotations',
    { name: 'n', uid: 'u', labels: { a: 'b' }, generation: 9 },
    { ...object.metadata, labels: { a: 'b' } },
  ],
  [
    'refuses labels that are none',
    { name: 'n', uid: 'u', labels: { a: 1 } },
    'returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object',
  ],
  ['refuses another object', { name: 'n', uid: 'x' }, 'returned invalid object: must have the same UID: u != x'],
] as const) {
  test(`convertedObjects ${name}`, () => {
    const work = (): readonly KubeObject[] =>
      convertedObjects(answerWith({ ...object, apiVersion: 'a.b/v2', metadata }), {
        version: 'v1',
        uid: '1',
        objects: [object],
        apiVersion: 'a.b/v2',
      });
    if (typeof expected === 'string') assert.throws(work, (error) => error instanceof ConversionError && error.message === expected);
    else assert.deepEqual(work()[0]?.metadata, expected);
  });
}

test('convertedObjects takes an object that has no UID yet, as admission sees one that is created', () => {
  const { uid: _uid, ...metadata } = object.metadata;
  const begun = { ...object, metadata } as KubeObject;
  const order = { version: 'v1', uid: '1', objects: [begun], apiVersion: 'a.b/v2' } as const;
  const [converted] = convertedObjects(answerWith({ ...begun, apiVersion: 'a.b/v2' }), order);
  assert.deepEqual(converted?.metadata, metadata);
});
