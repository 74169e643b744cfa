import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configmaps, mutatingwebhookconfigurations, pods, validatingwebhookconfigurations } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { createClient } from '#client/client.ts';
import { http1, text } from '../../testing/http.ts';
import { map, pod, refusal, rule, webhookScene } from './testing/scene.ts';

const scene = webhookScene();
const { hook, mutating, validating, create } = scene;

describe('mutating webhooks', () => {
  test('run in the order of configurations and webhooks, each on what the last one made', async () => {
    await mutating('b', hook('/second'));
    await mutating('a', hook('/first'));
    assert.deepEqual(await create({ start: '1' }), { start: '1', 'stage-1': 'yes', 'stage-2': 'yes' });
    assert.deepEqual(JSON.parse(scene.audited['patch.webhook.admission.k8s.io/round_0_index_1'] as string), {
      configuration: 'b',
      webhook: 'second.example.com',
      patch: [{ op: 'add', path: '/data/stage-2', value: 'yes' }],
      patchType: 'JSONPatch',
    });
    assert.equal(
      scene.audited['mutation.webhook.admission.k8s.io/round_0_index_0'],
      '{"configuration":"a","webhook":"first.example.com","mutated":true}',
    );
  });

  test('add to pods what then gets its defaults', async () => {
    await mutating('a', hook('/init', { rules: [rule('pods', ['CREATE'])] }));
    const made = (await scene.client.create(pods, pod('mutated'))) as Pod;
    assert.deepEqual(
      made.spec.initContainers?.map(({ name, terminationMessagePolicy }) => [name, terminationMessagePolicy]),
      [['added', 'File']],
    );
    await scene.client.delete(pods, { name: 'mutated', namespace: 'one' }, { gracePeriodSeconds: 0 });
  });

  test('are asked again when they want to, after a later one changed the object, and never a third time', async () => {
    await mutating('a', hook('/count', { reinvocationPolicy: 'IfNeeded' }), hook('/first'));
    assert.equal((await create({ start: '1' }))?.['count'], '2');
    assert.deepEqual([scene.hooks.asked('/count').length, scene.hooks.asked('/first').length], [2, 1]);
    await scene.client.deleteCollection(mutatingwebhookconfigurations, {});
    scene.hooks.forget();
    await mutating('a', hook('/count'), hook('/first'));
    assert.equal((await create({ start: '1' }, 'other'))?.['count'], '1');
  });

  test('see a Scale as a Scale', async () => {
    await mutating('a', hook('/allow', { rules: [rule('*/scale')] }));
    const replicaSet = {
      kind: 'ReplicaSet',
      apiVersion: 'apps/v1',
      metadata: { name: 'scaled' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    };
    const path = '/apis/apps/v1/namespaces/one/replicasets';
    await http1(scene.server, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(replicaSet) });
    const scaled = await http1(scene.server, `${path}/scaled/scale`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ spec: { replicas: 4 } }),
    });
    assert.equal(scaled.status, 200, text(scaled));
    const [asked] = scene.hooks.asked('/allow');
    assert.deepEqual(
      [asked?.kind, (asked?.object as unknown as { spec: object } | undefined)?.spec, asked?.oldObject?.kind, asked?.subResource],
      [{ group: 'autoscaling', version: 'v1', kind: 'Scale' }, { replicas: 4 }, 'Scale', 'scale'],
    );
  });
});

describe('match conditions', () => {
  const only = (...expressions: readonly string[]): object => ({
    matchConditions: expressions.map((expression, i) => ({ name: `condition-${i}`, expression })),
  });

  test('spare what they exclude', async () => {
    await mutating('a', hook('/count', only("object.metadata.name != 'skip-me'", "request.operation == 'CREATE' && oldObject == null")));
    assert.equal(await create({}, 'skip-me'), undefined);
    assert.deepEqual(await create({ a: '1' }, 'take-me'), { a: '1', count: '1' });
    assert.match(
      text(await http1(scene.server, '/metrics')),
      /^apiserver_admission_match_condition_exclusions_total\{kind="webhook",name="count\.example\.com",operation="CREATE",type="admit"\} 1$/m,
    );
  });

  test('may ask what the requester may do', async () => {
    await validating('a', hook('/deny-silently', only("!authorizer.requestResource.check('breakglass').allowed()")));
    await refusal(create({}, 'mine'));
    await createClient(scene.server.server.loopback({ name: 'jane', groups: ['system:masters'] })).create(configmaps, map('hers'));
  });

  test('that cannot be evaluated refuse, or spare where failures may', async () => {
    await validating('a', hook('/allow', only("object.data.missing == 'x'")));
    const error = await refusal(create({ a: '1' }));
    assert.equal(
      error.message,
      `configmaps "map" is forbidden: expression 'object.data.missing == 'x'' resulted in error: no such key: missing`,
    );
    await scene.client.deleteCollection(validatingwebhookconfigurations, {});
    await validating('a', hook('/deny-silently', { ...only("object.data.missing == 'x'"), failurePolicy: 'Ignore' }));
    await create({ a: '1' });
  });

  test('that do not compile are not stored', async () => {
    for (const [expression, why] of [
      ['... [}', /compilation failed: ERROR: <input>:1:1: /],
      ['object.metadata.name', /must evaluate to bool|compilation failed/],
      ["request.nothing == 'x'", /compilation failed: ERROR: <input>:1:8: undefined field 'nothing'/],
      ["'a'", /must evaluate to bool but got string/],
    ] as const) {
      for (const register of [mutating, validating]) {
        const error = await refusal(register('bad', hook('/allow', only(expression))));
        assert.equal(error.reason, 'Invalid');
        assert.match(error.message, why);
        assert.equal(error.details?.causes?.[0]?.field, 'webhooks[0].matchConditions[0].expression');
      }
    }
  });
});
