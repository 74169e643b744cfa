import assert from 'node:assert/strict';
import { lookingSink } from '../../audit/testing.ts';
import { after, afterEach, before, describe, test } from 'node:test';
import { configmaps, mutatingwebhookconfigurations, namespaces, pods, validatingwebhookconfigurations } from '#api/resources.ts';
import type { KubeObject, New, Pod } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { ADMIN, startTestServer, type TestServer } from '../../testing.ts';
import { http1, http2, http2Session, json, text } from '../../testing/http.ts';
import { MemoryStore } from '../../testing/memory-store.ts';
import { base64, onlyWebhooks, patching, startWebhookServer, type Asked, type WebhookServer } from './testing.ts';

let server: TestServer;
let hooks: WebhookServer;
let client: Client;
let audited: Record<string, string> = {};
/** Warnings that callers in this process were given. */
const logged: string[] = [];

const data = ({ object }: Asked): Readonly<Record<string, string>> => (object as { data?: Record<string, string> } | null)?.data ?? {};

before(async () => {
  server = await startTestServer({
    store: new MemoryStore(systemClock),
    logger: { ...silentLogger, warn: (message, fields) => void ('user' in (fields ?? {}) && logged.push(message)) },
    options: { kubelet: () => ({ clientCertificate: '', clientKey: '' }), serviceRouting: 'clusterIP' },
    parts: (parts) => ({
      admission: onlyWebhooks(parts),
      audit: lookingSink(({ audit }) => {
        // What authorization notes of every request is not the webhooks'.
        const noted = Object.entries({ ...audit.entries, ...audit.requestEntries });
        audited = Object.fromEntries(noted.filter(([key]) => !key.startsWith('authorization.k8s.io/')));
      }),
    }),
  });
  hooks = await startWebhookServer(server.authority, {
    '/allow': () => ({ warnings: ['careful: "this"', 'and that'], auditAnnotations: { seen: 'yes', 'not a key!': 'x' } }),
    '/deny': (request) =>
      data(request)['bad'] === undefined && request.operation !== 'DELETE' && request.operation !== 'CONNECT'
        ? {}
        : { allowed: false, status: { message: 'it is bad', reason: 'Conflict', code: 409, details: { name: 'x' } } },
    '/deny-silently': () => ({ allowed: false }),
    '/first': (request) => ('start' in data(request) ? patching([{ op: 'add', path: '/data/stage-1', value: 'yes' }]) : {}),
    '/second': (request) => ('stage-1' in data(request) ? patching([{ op: 'add', path: '/data/stage-2', value: 'yes' }]) : {}),
    '/count': (request) => patching([{ op: 'add', path: '/data/count', value: `${Number(data(request)['count'] ?? 0) + 1}` }]),
    '/init': () => patching([{ op: 'add', path: '/spec/initContainers', value: [{ name: 'added', image: 'i' }] }]),
    '/slow': () => () => {},
    '/wrong-uid': () => ({ uid: 'somebody-else' }),
    '/wrong-version':
      () =>
      (answer, { uid }) =>
        answer.json(200, { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v9', response: { uid, allowed: true } }),
    '/no-response': () => (answer) => answer.json(200, { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' }),
    '/no-json': () => (answer) => answer.text(200, '<html>'),
    '/wrong-type': () => ({ allowed: 'yes' }),
    '/error': () => (answer) => answer.text(500, 'out of order'),
    '/cut': () => (answer) => answer.cut('{'),
    '/huge': () => (answer) => answer.text(200, 'x'.repeat(17 * 1024 * 1024)),
    '/no-patch': () => ({ patch: base64('nothing'), patchType: 'JSONPatch' }),
    '/no-fit': () => patching([{ op: 'remove', path: '/data/missing' }]),
    '/no-object': () => patching([{ op: 'replace', path: '/data', value: 7 }]),
    '/other-kind': () => patching([{ op: 'replace', path: '/kind', value: 'Secret' }]),
    '/elsewhere': () => patching([{ op: 'replace', path: '/metadata/namespace', value: 'spared' }]),
    '/own-metadata': () =>
      patching(
        ['uid', 'resourceVersion', 'creationTimestamp', 'selfLink'].map((name) => ({
          op: 'add',
          path: `/metadata/${name}`,
          value: name === 'creationTimestamp' ? '2001-01-01T00:00:00Z' : '7',
        })),
      ),
    '/moved': () => (answer) => answer.text(307, ''),
    '/no-type': () => ({ patch: base64([{ op: 'add', path: '/data/x', value: 'y' }]) }),
    '/other-type': () => ({ patch: base64([{ op: 'add', path: '/data/x', value: 'y' }]), patchType: 'Merge' }),
  });
  client = createClient(server.server.loopback(ADMIN));
  for (const name of ['one', 'spared'])
    await client.create(namespaces, { metadata: { name, labels: { hooks: name === 'one' ? 'on' : 'off' } } } as never);
});
after(async () => {
  await hooks.stop();
  await server.stop();
});
afterEach(async () => {
  await client.deleteCollection(mutatingwebhookconfigurations, {});
  await client.deleteCollection(validatingwebhookconfigurations, {});
  await client.deleteCollection(configmaps, { namespace: 'one' });
  hooks.forget();
});

const rule = (resource = 'configmaps', operations: readonly string[] = ['*'], over: object = {}) => ({
  operations,
  apiGroups: ['*'],
  apiVersions: ['*'],
  resources: [resource],
  ...over,
});

/** One webhook of a configuration. */
const hook = (path: string, over: object = {}): object => ({
  name: `${path.slice(1)}.example.com`,
  clientConfig: { url: `${hooks.url}${path}`, caBundle: base64(server.authority.certificate) },
  rules: [rule()],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  timeoutSeconds: 10,
  ...over,
});

const mutating = (name: string, ...webhooks: readonly object[]): Promise<unknown> =>
  client.create(mutatingwebhookconfigurations, { metadata: { name }, webhooks } as never);
const validating = (name: string, ...webhooks: readonly object[]): Promise<unknown> =>
  client.create(validatingwebhookconfigurations, { metadata: { name }, webhooks } as never);

interface Map_ extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const map = (name: string, content: Record<string, string> = {}, namespace = 'one'): New<never> =>
  ({ metadata: { name, namespace }, data: content }) as never;
const create = async (content: Record<string, string> = {}, name = 'map'): Promise<Map_['data']> =>
  ((await client.create(configmaps, map(name, content))) as Map_).data;

const refusal = async (pending: Promise<unknown>): Promise<StatusError> => {
  try {
    await pending;
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  return assert.fail('it should have been refused');
};

describe('validating webhooks', () => {
  test('deny with their own message, code, reason and details', async () => {
    await validating('a', hook('/deny'));
    assert.deepEqual(await create({ good: '1' }), { good: '1' });
    const error = await refusal(create({ bad: '1' }, 'other'));
    assert.equal(error.message, 'admission webhook "deny.example.com" denied the request: it is bad');
    assert.deepEqual([error.code, error.reason, error.details], [409, 'Conflict', { name: 'x' }]);
    const patched = client.patch(configmaps, { name: 'map', namespace: 'one' }, { type: 'merge', body: { data: { bad: '1' } } });
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
    await client.patch(
      validatingwebhookconfigurations,
      { name: 'a' },
      { type: 'json', body: [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }] },
    );
    await refusal(create({ bad: '1' }, 'second'));
    await client.deleteCollection(validatingwebhookconfigurations, {});
    await create({ bad: '1' }, 'second');
  });

  test('see old objects of updates and deletions, names of a collection one by one, and subresources only when they ask for them', async () => {
    await validating('a', hook('/allow', { rules: [rule('*', ['UPDATE', 'DELETE'], { scope: 'Namespaced' })] }));
    await create({ a: '1' }, 'x');
    await create({}, 'y');
    const before_ = (await client.get(configmaps, { name: 'x', namespace: 'one' })) as Map_;
    await client.update(configmaps, { ...before_, data: { a: '2' } } as never);
    await client.deleteCollection(configmaps, { namespace: 'one' });
    const [updated, ...deleted] = hooks.asked('/allow');
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
        .map(({ operation, name, object, oldObject }) => [operation, name, object, oldObject?.metadata.name])
        .toSorted((a, b) => (String(a[1]) < String(b[1]) ? -1 : 1)),
      [
        ['DELETE', 'x', null, 'x'],
        ['DELETE', 'y', null, 'y'],
      ],
    );
    await client.create(pods, pod('status'));
    hooks.forget();
    const stored = (await client.get(pods, { name: 'status', namespace: 'one' })) as Pod;
    await client.update(pods, { ...stored, status: { ...stored.status, message: 'm' } } as never, { subresource: 'status' });
    assert.deepEqual(hooks.asked('/allow'), []);
    await validating('b', hook('/allow', { rules: [rule('pods/status')] }));
    await client.patch(
      pods,
      { name: 'status', namespace: 'one' },
      { type: 'merge', body: { status: { message: 'n' } } },
      { subresource: 'status' },
    );
    assert.deepEqual(
      hooks
        .asked('/allow')
        .map(({ subResource, requestSubResource, kind, resource }) => [subResource, requestSubResource, kind.kind, resource.resource]),
      [['status', 'status', 'Pod', 'pods']],
    );
    await client.delete(pods, { name: 'status', namespace: 'one' }, { gracePeriodSeconds: 0 });
  });

  test('are told who asks for what, how', async () => {
    await validating('a', hook('/allow', { name: 'v1beta1.example.com', admissionReviewVersions: ['v2', 'v1beta1', 'v1'] }));
    await http1(server, '/api/v1/namespaces/one/configmaps?fieldManager=me&dryRun=All', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { generateName: 'dry-' } }),
    });
    const [asked] = hooks.asked('/allow');
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
    assert.match(hooks.requests.at(-1)?.path ?? '', /^\/allow\?timeout=10s$/);
  });

  test('send warnings to the client and annotations to the audit event', async () => {
    await validating('a', hook('/allow'));
    const answer = await http1(server, '/api/v1/namespaces/one/configmaps', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'warned' } }),
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['warning'], '299 - "careful: \\"this\\"", 299 - "and that"');
    assert.deepEqual(audited, { 'allow.example.com/seen': 'yes' });
    const session = http2Session(server);
    const body = JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'warned-again' } });
    const second = await http2(session, '/api/v1/namespaces/one/configmaps', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    session.close();
    assert.match(String(second.headers['warning']), /^299 - "careful: \\"this\\"",\s?299 - "and that"$/);
    await create({}, 'warned-here');
    assert.deepEqual(logged, ['careful: "this"', 'and that']);
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
    await client.create(configmaps, inside('spared'));
    await refusal(client.create(configmaps, inside('one')));
    // A namespace is chosen by its own labels, as it will be.
    await client.create(namespaces, { metadata: { name: 'off', labels: { hooks: 'off', watched: 'yes' } } } as never);
    await client.delete(configmaps, { name: 'w', namespace: 'spared' });
  });

  test('are not asked about configurations of webhooks', async () => {
    const everything = { rules: [rule('*')] };
    await validating('a', hook('/deny-silently', everything));
    await mutating('b', hook('/error', everything));
    await client.patch(mutatingwebhookconfigurations, { name: 'b' }, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
    await client.delete(mutatingwebhookconfigurations, { name: 'b' });
    await client.delete(validatingwebhookconfigurations, { name: 'a' });
    assert.deepEqual([hooks.asked('/deny-silently'), hooks.asked('/error')], [[], []]);
  });

  test('deny connections to pods before anything is connected', async () => {
    await client.create(pods, pod('attached'));
    await validating('a', hook('/deny', { rules: [rule('pods/attach', ['CONNECT'])] }));
    const answer = await http1(server, '/api/v1/namespaces/one/pods/attached/attach?container=c&stdin=true', { method: 'POST' });
    assert.deepEqual([answer.status, json(answer)['message']], [409, 'admission webhook "deny.example.com" denied the request: it is bad']);
    const [asked] = hooks.asked('/deny');
    assert.deepEqual(
      [asked?.kind, asked?.subResource, asked?.options, asked?.object],
      [
        { group: '', version: 'v1', kind: 'PodAttachOptions' },
        'attach',
        null,
        { kind: 'PodAttachOptions', apiVersion: 'v1', stdin: true, container: 'c' },
      ],
    );
    await client.delete(pods, { name: 'attached', namespace: 'one' }, { gracePeriodSeconds: 0 });
  });

  test('are asked in the version they know, unless they want to be asked exactly', async () => {
    const only = (path: string, matchPolicy: string): object =>
      hook(path, { matchPolicy, rules: [rule('events', ['CREATE'], { apiGroups: ['events.k8s.io'], apiVersions: ['v1'] })] });
    await validating('a', only('/allow', 'Equivalent'), only('/deny', 'Exact'));
    const answer = await http1(server, '/api/v1/namespaces/one/events', {
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
    assert.deepEqual(hooks.asked('/deny'), []);
    const [asked] = hooks.asked('/allow');
    assert.deepEqual(
      [asked?.kind.group, asked?.requestKind?.group, asked?.object?.apiVersion, (asked?.object as { note?: string } | undefined)?.note],
      ['events.k8s.io', '', 'events.k8s.io/v1', 'said'],
    );
  });
});

const pod = (name: string): never => ({ metadata: { name, namespace: 'one' }, spec: { containers: [{ name: 'c', image: 'i' }] } }) as never;

describe('mutating webhooks', () => {
  test('run in the order of configurations and webhooks, each on what the last one made', async () => {
    await mutating('b', hook('/second'));
    await mutating('a', hook('/first'));
    assert.deepEqual(await create({ start: '1' }), { start: '1', 'stage-1': 'yes', 'stage-2': 'yes' });
    assert.deepEqual(JSON.parse(audited['patch.webhook.admission.k8s.io/round_0_index_1'] as string), {
      configuration: 'b',
      webhook: 'second.example.com',
      patch: [{ op: 'add', path: '/data/stage-2', value: 'yes' }],
      patchType: 'JSONPatch',
    });
    assert.equal(
      audited['mutation.webhook.admission.k8s.io/round_0_index_0'],
      '{"configuration":"a","webhook":"first.example.com","mutated":true}',
    );
  });

  test('add to pods what then gets its defaults', async () => {
    await mutating('a', hook('/init', { rules: [rule('pods', ['CREATE'])] }));
    const made = (await client.create(pods, pod('mutated'))) as Pod;
    assert.deepEqual(
      made.spec.initContainers?.map(({ name, terminationMessagePolicy }) => [name, terminationMessagePolicy]),
      [['added', 'File']],
    );
    await client.delete(pods, { name: 'mutated', namespace: 'one' }, { gracePeriodSeconds: 0 });
  });

  test('are asked again when they want to, after a later one changed the object, and never a third time', async () => {
    await mutating('a', hook('/count', { reinvocationPolicy: 'IfNeeded' }), hook('/first'));
    assert.equal((await create({ start: '1' }))?.['count'], '2');
    assert.deepEqual([hooks.asked('/count').length, hooks.asked('/first').length], [2, 1]);
    await client.deleteCollection(mutatingwebhookconfigurations, {});
    hooks.forget();
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
    await http1(server, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(replicaSet) });
    const scaled = await http1(server, `${path}/scaled/scale`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ spec: { replicas: 4 } }),
    });
    assert.equal(scaled.status, 200, text(scaled));
    const [asked] = hooks.asked('/allow');
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
      text(await http1(server, '/metrics')),
      /^apiserver_admission_match_condition_exclusions_total\{kind="webhook",name="count\.example\.com",operation="CREATE",type="admit"\} 1$/m,
    );
  });

  test('may ask what the requester may do', async () => {
    await validating('a', hook('/deny-silently', only("!authorizer.requestResource.check('breakglass').allowed()")));
    await refusal(create({}, 'mine'));
    await createClient(server.server.loopback({ name: 'jane', groups: ['system:masters'] })).create(configmaps, map('hers'));
  });

  test('that cannot be evaluated refuse, or spare where failures may', async () => {
    await validating('a', hook('/allow', only("object.data.missing == 'x'")));
    const error = await refusal(create({ a: '1' }));
    assert.equal(
      error.message,
      `configmaps "map" is forbidden: expression 'object.data.missing == 'x'' resulted in error: no such key: missing`,
    );
    await client.deleteCollection(validatingwebhookconfigurations, {});
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

describe('webhooks that fail', () => {
  const calling = (name: string): string => `Internal error occurred: failed calling webhook "${name}.example.com": `;
  const url = (name: string): string => `Post "${hooks.url}/${name}?timeout=10s": `;
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
      await client.deleteCollection(mutatingwebhookconfigurations, {});
      await mutating('a', hook(`/${path}`, { failurePolicy: 'Ignore' }));
      assert.equal(await create(), undefined);
      assert.equal(audited['failed-open.mutation.webhook.admission.k8s.io/round_0_index_0'], `${path}.example.com`);
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
    const { metadata } = (await client.create(configmaps, map('map'))) as KubeObject;
    assert.notEqual(metadata.uid, '7');
    assert.notEqual(metadata.resourceVersion, '7');
    assert.ok((metadata.creationTimestamp ?? '') > '2002');
    await client.deleteCollection(mutatingwebhookconfigurations, {});
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
    const error = await refusal(client.delete(configmaps, { name: 'map', namespace: 'one' }));
    assert.equal(
      error.message,
      'Internal error occurred: admission webhook "count.example.com" attempted to modify the object, which is not supported for this operation',
    );
    await client.deleteCollection(mutatingwebhookconfigurations, {});
  });

  test('time is up after its own seconds, and fails open or closed', async () => {
    await validating('a', hook('/slow', { timeoutSeconds: 1 }));
    const error = await refusal(create());
    assert.equal(
      error.message,
      `Internal error occurred: failed calling webhook "slow.example.com": failed to call webhook: Post "${hooks.url}/slow?timeout=1s": context deadline exceeded`,
    );
    await client.deleteCollection(validatingwebhookconfigurations, {});
    await validating('a', hook('/slow', { timeoutSeconds: 1, failurePolicy: 'Ignore' }));
    await create();
  });

  test('one that cannot be trusted or reached closes the way', async () => {
    await validating('a', hook('/allow', { clientConfig: { url: `${hooks.url}/allow` } }));
    assert.match((await refusal(create())).message, /x509: certificate signed by unknown authority$/);
    await client.deleteCollection(validatingwebhookconfigurations, {});
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
    await server.store.transact({
      conditions: [],
      operations: [{ kind: 'put', key, value: Buffer.from(JSON.stringify(value)) }],
      readOnFailure: [],
    });
    const error = await refusal(client.create(configmaps, map('dry'), { dryRun: true }));
    assert.deepEqual([error.reason, error.message], ['BadRequest', 'admission webhook "allow.example.com" does not support dry run']);
    await client.create(configmaps, map('wet'));
  });

  test('all of it is counted', async () => {
    const metrics = text(await http1(server, '/metrics'));
    for (const line of [
      /^apiserver_admission_webhook_request_total\{code="503",name="slow\.example\.com",operation="CREATE",rejected="true",type="validating"\} 1$/m,
      /^apiserver_admission_webhook_rejection_count\{error_type="no_error",name="deny\.example\.com",operation="CREATE",rejection_code="409",type="validating"\} \d+$/m,
      /^apiserver_admission_webhook_fail_open_count\{name="slow\.example\.com",type="validating"\} 1$/m,
      /^apiserver_admission_webhook_admission_duration_seconds_bucket\{name="first\.example\.com",operation="CREATE",rejected="false",type="admit",le="0\.5"\} \d+$/m,
      /^apiserver_admission_controller_admission_duration_seconds_count\{name="MutatingAdmissionWebhook",operation="CREATE",rejected="true",type="admit"\} \d+$/m,
    ])
      assert.match(metrics, line);
  });
});
