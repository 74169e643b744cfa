import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configmaps, mutatingwebhookconfigurations, namespaces, pods, validatingwebhookconfigurations } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { http1, http2, http2Session, json, text } from '../../testing/http.ts';
import type { Asked } from './testing.ts';
import { pod, refusal, rule, webhookScene, type Map_ } from './testing/scene.ts';

const scene = webhookScene();
const { hook, mutating, validating, create } = scene;

describe('validating webhooks', () => {
  test('deny with their own message, code, reason and details', async () => {
    await validating('a', hook('/deny'));
    assert.deepEqual(await create({ good: '1' }), { good: '1' });
    const error = await refusal(create({ bad: '1' }, 'other'));
    assert.equal(error.message, 'admission webhook "deny.example.com" denied the request: it is bad');
    assert.deepEqual([error.code, error.reason, error.details], [409, 'Conflict', { name: 'x' }]);
    const patched = scene.client.patch(configmaps, { name: 'map', namespace: 'one' }, { type: 'merge', body: { data: { bad: '1' } } });
    assert.equal((await refusal(patched)).code, 409);
    await validating('b', hook('/deny-silently'));
    const silent = await refusal(create({ good: '1' }, 'other'));
    assert.deepEqual(
      [silent.message, silent.code],
      ['admission webhook "deny-silently.example.com" denied the request without explanation', 400],
    );
  });

  test('are effective, changed and gone at once', async () => {
    await validating('a', hook('/deny', { rules: [rule('configmaps', ['UPDATE'])] }));
    await create({ bad: '1' }, 'first');
    await scene.client.patch(
      validatingwebhookconfigurations,
      { name: 'a' },
      { type: 'json', body: [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }] },
    );
    await refusal(create({ bad: '1' }, 'second'));
    await scene.client.deleteCollection(validatingwebhookconfigurations, {});
    await create({ bad: '1' }, 'second');
  });

  test('see old objects of updates and deletions, objects of a collection one by one without their names, and subresources only when they ask for them', async () => {
    await validating('a', hook('/allow', { rules: [rule('*', ['UPDATE', 'DELETE'], { scope: 'Namespaced' })] }));
    await create({ a: '1' }, 'x');
    await create({}, 'y');
    const before_ = (await scene.client.get(configmaps, { name: 'x', namespace: 'one' })) as Map_;
    await scene.client.update(configmaps, { ...before_, data: { a: '2' } } as never);
    await scene.client.deleteCollection(configmaps, { namespace: 'one' });
    const [updated, ...deleted] = scene.hooks.asked('/allow');
    assert.deepEqual(
      [
        updated?.operation,
        (updated?.oldObject as Map_ | undefined)?.data,
        (updated?.object as Map_ | undefined)?.data,
        updated?.oldObject?.metadata.uid,
      ],
      ['UPDATE', { a: '1' }, { a: '2' }, before_.metadata.uid],
    );
    assert.deepEqual(
      deleted
        .map(({ operation, name, namespace, object, oldObject }) => [operation, name, namespace, object, oldObject?.metadata.name])
        .toSorted((a, b) => (String(a[4]) < String(b[4]) ? -1 : 1)),
      [
        ['DELETE', undefined, 'one', null, 'x'],
        ['DELETE', undefined, 'one', null, 'y'],
      ],
    );
    await scene.client.create(pods, pod('status'));
    scene.hooks.forget();
    const stored = (await scene.client.get(pods, { name: 'status', namespace: 'one' })) as Pod;
    await scene.client.update(pods, { ...stored, status: { ...stored.status, message: 'm' } } as never, { subresource: 'status' });
    assert.deepEqual(scene.hooks.asked('/allow'), []);
    await validating('b', hook('/allow', { rules: [rule('pods/status')] }));
    await scene.client.patch(
      pods,
      { name: 'status', namespace: 'one' },
      { type: 'merge', body: { status: { message: 'n' } } },
      { subresource: 'status' },
    );
    assert.deepEqual(
      scene.hooks
        .asked('/allow')
        .map(({ subResource, requestSubResource, kind, resource }) => [subResource, requestSubResource, kind.kind, resource.resource]),
      [['status', 'status', 'Pod', 'pods']],
    );
    await scene.client.delete(pods, { name: 'status', namespace: 'one' }, { gracePeriodSeconds: 0 });
  });

  test('are told who asks for what, how', async () => {
    await validating('a', hook('/allow', { name: 'v1beta1.example.com', admissionReviewVersions: ['v2', 'v1beta1', 'v1'] }));
    await http1(scene.server, '/api/v1/namespaces/one/configmaps?fieldManager=me&dryRun=All', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { generateName: 'dry-' } }),
    });
    const [asked] = scene.hooks.asked('/allow');
    const { uid: _uid, object, ...rest } = asked as Asked;
    assert.match(object?.metadata.name ?? '', /^dry-/);
    assert.deepEqual(rest, {
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
      requestResource: { group: '', version: 'v1', resource: 'configmaps' },
      name: object?.metadata.name,
      namespace: 'one',
      operation: 'CREATE',
      userInfo: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
      dryRun: true,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', dryRun: ['All'], fieldManager: 'me' },
      oldObject: null,
    });
    assert.match(scene.hooks.requests.at(-1)?.path ?? '', /^\/allow\?timeout=10s$/);
  });

  test('send warnings to the client and annotations to the audit event', async () => {
    await validating('a', hook('/allow'));
    const answer = await http1(scene.server, '/api/v1/namespaces/one/configmaps', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'warned' } }),
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['warning'], '299 - "careful: \\"this\\"", 299 - "and that"');
    assert.deepEqual(scene.audited, { 'allow.example.com/seen': 'yes' });
    const session = http2Session(scene.server);
    const body = JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'warned-again' } });
    const second = await http2(session, '/api/v1/namespaces/one/configmaps', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    session.close();
    assert.match(String(second.headers['warning']), /^299 - "careful: \\"this\\"",\s?299 - "and that"$/);
    await create({}, 'warned-here');
    assert.deepEqual(scene.logged, ['careful: "this"', 'and that']);
  });

  test('are chosen by labels of the namespace and of either object', async () => {
    await validating(
      'a',
      hook('/deny', {
        namespaceSelector: { matchExpressions: [{ key: 'hooks', operator: 'NotIn', values: ['off'] }] },
        objectSelector: { matchLabels: { watched: 'yes' } },
        rules: [rule('*')],
      }),
    );
    await create({ bad: '1' }, 'unwatched');
    const watched = { metadata: { name: 'w', labels: { watched: 'yes' } }, data: { bad: '1' } };
    const inside = (namespace: string): never => ({ ...watched, metadata: { ...watched.metadata, namespace } }) as never;
    await scene.client.create(configmaps, inside('spared'));
    await refusal(scene.client.create(configmaps, inside('one')));
    // A namespace is chosen by its own labels, as it will be.
    await scene.client.create(namespaces, { metadata: { name: 'off', labels: { hooks: 'off', watched: 'yes' } } } as never);
    await scene.client.delete(configmaps, { name: 'w', namespace: 'spared' });
  });

  test('are not asked about configurations of webhooks', async () => {
    const everything = { rules: [rule('*')] };
    await validating('a', hook('/deny-silently', everything));
    await mutating('b', hook('/error', everything));
    await scene.client.patch(mutatingwebhookconfigurations, { name: 'b' }, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
    await scene.client.delete(mutatingwebhookconfigurations, { name: 'b' });
    await scene.client.delete(validatingwebhookconfigurations, { name: 'a' });
    assert.deepEqual([scene.hooks.asked('/deny-silently'), scene.hooks.asked('/error')], [[], []]);
  });

  test('deny connections to pods before anything is connected', async () => {
    await scene.client.create(pods, pod('attached'));
    await validating('a', hook('/deny', { rules: [rule('pods/attach', ['CONNECT'])] }));
    const answer = await http1(scene.server, '/api/v1/namespaces/one/pods/attached/attach?container=c&stdin=true', { method: 'POST' });
    assert.deepEqual([answer.status, json(answer)['message']], [409, 'admission webhook "deny.example.com" denied the request: it is bad']);
    const [asked] = scene.hooks.asked('/deny');
    assert.deepEqual(
      [asked?.kind, asked?.subResource, asked?.options, asked?.object],
      [
        { group: '', version: 'v1', kind: 'PodAttachOptions' },
        'attach',
        null,
        { kind: 'PodAttachOptions', apiVersion: 'v1', stdin: true, container: 'c' },
      ],
    );
    await scene.client.delete(pods, { name: 'attached', namespace: 'one' }, { gracePeriodSeconds: 0 });
  });

  test('are asked in the version they know, unless they want to be asked exactly', async () => {
    const only = (path: string, matchPolicy: string): object =>
      hook(path, { matchPolicy, rules: [rule('events', ['CREATE'], { apiGroups: ['events.k8s.io'], apiVersions: ['v1'] })] });
    await validating('a', only('/allow', 'Equivalent'), only('/deny', 'Exact'));
    const answer = await http1(scene.server, '/api/v1/namespaces/one/events', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        kind: 'Event',
        apiVersion: 'v1',
        metadata: { name: 'e', namespace: 'one' },
        involvedObject: { kind: 'Pod', name: 'p', namespace: 'one' },
        message: 'said',
        reason: 'Said',
      }),
    });
    assert.equal(answer.status, 201, text(answer));
    assert.deepEqual(scene.hooks.asked('/deny'), []);
    const [asked] = scene.hooks.asked('/allow');
    assert.deepEqual(
      [asked?.kind.group, asked?.requestKind?.group, asked?.object?.apiVersion, (asked?.object as { note?: string } | undefined)?.note],
      ['events.k8s.io', '', 'events.k8s.io/v1', 'said'],
    );
  });
});
