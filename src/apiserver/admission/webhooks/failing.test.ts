import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configmaps, mutatingwebhookconfigurations, validatingwebhookconfigurations } from '#api/resources.ts';
import type { KubeObject } from '#api/types.ts';
import { http1, text } from '../../testing/http.ts';
import { map, refusal, rule, webhookScene } from './testing/scene.ts';

const scene = webhookScene();
const { hook, mutating, validating, create } = scene;

describe('webhooks that fail', () => {
  const calling = (name: string): string => `Internal error occurred: failed calling webhook "${name}.example.com": `;
  const url = (name: string): string => `Post "${scene.hooks.url}/${name}?timeout=10s": `;
  const invalid = 'received invalid webhook response: ';

  for (const [path, message] of [
    ['wrong-uid', () => `${calling('wrong-uid')}${invalid}expected response.uid=`],
    [
      'wrong-version',
      () =>
        `${calling('wrong-version')}${invalid}expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got admission.k8s.io/v9, Kind=AdmissionReview`,
    ],
    ['no-response', () => `${calling('no-response')}${invalid}webhook response was absent`],
    ['no-json', () => `${calling('no-json')}failed to call webhook: couldn't get version/kind; json parse error: `],
    ['wrong-type', () => `${calling('wrong-type')}failed to call webhook: json: cannot unmarshal string into Go struct field `],
    [
      'error',
      () => `${calling('error')}failed to call webhook: an error on the server ("out of order") has prevented the request from succeeding`,
    ],
    [
      'moved',
      () => `${calling('moved')}failed to call webhook: the server responded with the status code 307 but did not return more information`,
    ],
    ['cut', () => `${calling('cut')}failed to call webhook: ${url('cut')}unexpected EOF`],
    ['huge', () => `${calling('huge')}failed to call webhook: ${url('huge')}the answer is larger than 16777216 bytes`],
    ['no-patch', () => `${calling('no-patch')}received undecodable patch in webhook response: `],
    ['no-type', () => `${calling('no-type')}${invalid}webhook returned response.patch but not response.patchType`],
    ['other-type', () => `${calling('other-type')}unsupported patch type "Merge"`],
  ] as const) {
    test(`${path}: refused, or passed over when it may be`, async () => {
      await mutating('a', hook(`/${path}`));
      const error = await refusal(create());
      assert.ok(error.message.startsWith(message()), error.message);
      assert.deepEqual([error.code, error.reason], [500, 'InternalError']);
      await scene.client.deleteCollection(mutatingwebhookconfigurations, {});
      await mutating('a', hook(`/${path}`, { failurePolicy: 'Ignore' }));
      assert.equal(await create(), undefined);
      assert.equal(scene.audited['failed-open.mutation.webhook.admission.k8s.io/round_0_index_0'], `${path}.example.com`);
    });
  }

  for (const [path, message] of [
    [
      'no-fit',
      "Internal error occurred: error in remove for path: '/data/missing': Unable to remove nonexistent key: missing: missing value",
    ],
    ['no-object', 'Internal error occurred: '],
    ['other-kind', 'Internal error occurred: converting (v1.Secret) to (core.ConfigMap): unknown conversion'],
  ] as const) {
    test(`${path}: a patch that does not fit is refused whatever the policy`, async () => {
      await mutating('a', hook(`/${path}`, { failurePolicy: 'Ignore' }));
      const error = await refusal(create({ a: '1' }));
      assert.ok(error.message.startsWith(message), error.message);
      assert.equal(error.code, 500);
    });
  }

  test('what only the server says of an object cannot be patched in, nor can the object be moved', async () => {
    await mutating('a', hook('/own-metadata'));
    const { metadata } = (await scene.client.create(configmaps, map('map'))) as KubeObject;
    assert.notEqual(metadata.uid, '7');
    assert.ok((metadata.creationTimestamp ?? '') > '2002');
    await scene.client.deleteCollection(mutatingwebhookconfigurations, {});
    await mutating('a', hook('/versioned'));
    assert.equal((await refusal(create({}, 'versioned'))).message, 'resourceVersion should not be set on objects to be created');
    await scene.client.deleteCollection(mutatingwebhookconfigurations, {});
    await mutating('a', hook('/elsewhere'));
    assert.equal(
      (await refusal(create({}, 'moved'))).message,
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  });

  test('a validating webhook may not patch', async () => {
    await validating('a', hook('/count'));
    assert.match(
      (await refusal(create())).message,
      /received invalid webhook response: validating webhook may not return response\.patch$/,
    );
  });

  test('a patch of what is deleted is refused', async () => {
    await create();
    await mutating('a', hook('/count', { rules: [rule('configmaps', ['DELETE'])] }));
    const error = await refusal(scene.client.delete(configmaps, { name: 'map', namespace: 'one' }));
    assert.equal(
      error.message,
      'Internal error occurred: admission webhook "count.example.com" attempted to modify the object, which is not supported for this operation',
    );
    await scene.client.deleteCollection(mutatingwebhookconfigurations, {});
  });

  test('time is up after its own seconds, and fails open or closed', async () => {
    await validating('a', hook('/slow', { timeoutSeconds: 1 }));
    const error = await refusal(create());
    assert.equal(
      error.message,
      `Internal error occurred: failed calling webhook "slow.example.com": failed to call webhook: Post "${scene.hooks.url}/slow?timeout=1s": context deadline exceeded`,
    );
    await scene.client.deleteCollection(validatingwebhookconfigurations, {});
    await validating('a', hook('/slow', { timeoutSeconds: 1, failurePolicy: 'Ignore' }));
    await create();
  });

  test('is told of the time that the request still has where that is less than its own', async () => {
    await validating('a', hook('/allow', { timeoutSeconds: 20 }), hook('/deny', { timeoutSeconds: 5 }));
    await http1(scene.server, '/api/v1/namespaces/one/configmaps?timeout=10s', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'map' } }),
    });
    const paths = scene.hooks.requests.map(({ path }) => path).filter((path) => /^\/(allow|deny)/.test(path));
    assert.deepEqual(paths.slice(-2).toSorted(), ['/allow?timeout=10s', '/deny?timeout=5s']);
  });

  test('one that cannot be trusted or reached closes the way', async () => {
    await validating('a', hook('/allow', { clientConfig: { url: `${scene.hooks.url}/allow` } }));
    assert.match((await refusal(create())).message, /x509: certificate signed by unknown authority$/);
    await scene.client.deleteCollection(validatingwebhookconfigurations, {});
    await validating('a', hook('/allow', { clientConfig: { service: { namespace: 'one', name: 'missing', path: '/allow' } } }));
    assert.equal(
      (await refusal(create())).message,
      'Internal error occurred: failed calling webhook "allow.example.com": failed to call webhook: Post "https://missing.one.svc:443/allow?timeout=10s": services "missing" not found',
    );
  });

  test('a dry run is refused by a webhook with side effects', async () => {
    // Objects from older servers have such webhooks: they cannot be created any more.
    const key = '/registry/validatingwebhookconfigurations/old';
    const old = {
      ...hook('/allow', { sideEffects: 'Some' }),
      matchPolicy: 'Exact',
      failurePolicy: 'Ignore',
      namespaceSelector: {},
      objectSelector: {},
    };
    const value = {
      kind: 'ValidatingWebhookConfiguration',
      apiVersion: 'admissionregistration.k8s.io/v1',
      metadata: { name: 'old', uid: 'u' },
      webhooks: [old],
    };
    await scene.server.store.transact({
      conditions: [],
      operations: [{ kind: 'put', key, value: Buffer.from(JSON.stringify(value)) }],
      readOnFailure: [],
    });
    const error = await refusal(scene.client.create(configmaps, map('dry'), { dryRun: true }));
    assert.deepEqual([error.reason, error.message], ['BadRequest', 'admission webhook "allow.example.com" does not support dry run']);
    await scene.client.create(configmaps, map('wet'));
  });

  test('all of it is counted', async () => {
    await validating('a', hook('/deny'), hook('/slow', { timeoutSeconds: 1, failurePolicy: 'Ignore' }));
    await mutating('a', hook('/first'));
    await refusal(create({ bad: '1' }));
    await scene.client.deleteCollection(validatingwebhookconfigurations, {});
    await validating('a', hook('/slow', { timeoutSeconds: 1 }));
    await mutating('b', hook('/error'));
    await refusal(create());
    await scene.client.deleteCollection(mutatingwebhookconfigurations, {});
    await refusal(create());
    const metrics = text(await http1(scene.server, '/metrics'));
    for (const line of [
      /^apiserver_admission_webhook_request_total\{code="503",name="slow\.example\.com",operation="CREATE",rejected="true",type="validating"\} \d+$/m,
      /^apiserver_admission_webhook_rejection_count\{error_type="no_error",name="deny\.example\.com",operation="CREATE",rejection_code="409",type="validating"\} \d+$/m,
      /^apiserver_admission_webhook_fail_open_count\{name="slow\.example\.com",type="validating"\} \d+$/m,
      /^apiserver_admission_webhook_admission_duration_seconds_bucket\{name="first\.example\.com",operation="CREATE",rejected="false",type="admit",le="0\.5"\} \d+$/m,
      /^apiserver_admission_controller_admission_duration_seconds_count\{name="MutatingAdmissionWebhook",operation="CREATE",rejected="true",type="admit"\} \d+$/m,
    ])
      assert.match(metrics, line);
  });
});
