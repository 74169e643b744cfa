import assert from 'node:assert/strict';
import { lookingSink } from '../../audit/testing.ts';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  configmaps,
  deployments,
  mutatingadmissionpolicies,
  mutatingadmissionpolicybindings,
  namespaces,
  validatingadmissionpolicies,
  validatingadmissionpolicybindings,
} from '#api/resources.ts';
import type { Deployment } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { ADMIN, startTestServer, type TestServer } from '../../testing.ts';
import { http1, text } from '../../testing/http.ts';
import { MemoryStore } from '../../testing/memory-store.ts';
import { Versions } from '../webhooks/versions.ts';
import { mutatingAdmissionPolicy } from './mutating.ts';
import { validatingAdmissionPolicy } from './validating.ts';

let server: TestServer;
let client: Client;
let audited: Readonly<Record<string, string>> = {};
let warned: readonly string[] = [];

before(async () => {
  server = await startTestServer({
    store: new MemoryStore(systemClock),
    parts: ({ reader, catalog, schema, clock, admissionMetrics: metrics }) => {
      const authorizer = {
        authorize: ({ resource, user }: { readonly resource: string; readonly user: { readonly name: string } }) =>
          Promise.resolve({ decision: resource === 'secrets' ? 'noOpinion' : 'allow', reason: user.name } as const),
      };
      const deps = { reader, catalog, schema, clock, authorizer, metrics, versions: new Versions(catalog, schema) };
      return {
        admission: { mutating: [mutatingAdmissionPolicy(deps)], validating: [validatingAdmissionPolicy(deps)] },
        audit: lookingSink(({ audit, warnings }) => {
          audited = { ...audit.entries };
          warned = [...warnings.texts];
        }),
      };
    },
  });
  client = createClient(server.server.loopback(ADMIN));
  for (const name of ['one', 'two']) await client.create(namespaces, { metadata: { name, labels: { team: name } } } as never);
});
after(() => server.stop());
afterEach(async () => {
  for (const resource of [
    validatingadmissionpolicies,
    validatingadmissionpolicybindings,
    mutatingadmissionpolicies,
    mutatingadmissionpolicybindings,
  ])
    await client.deleteCollection(resource as never, {});
  for (const namespace of ['one', 'two']) await client.deleteCollection(configmaps, { namespace });
});

const CONFIGMAPS = {
  resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] }],
};
const DEPLOYMENTS = {
  resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] }],
};

async function validate(spec: object, binding: object = {}, name = 'guard'): Promise<void> {
  await client.create(validatingadmissionpolicies, { metadata: { name }, spec: { matchConstraints: CONFIGMAPS, ...spec } } as never);
  const bound = { policyName: name, validationActions: ['Deny'], ...binding };
  await client.create(validatingadmissionpolicybindings, { metadata: { name: `${name}-binding` }, spec: bound } as never);
}

async function mutate(mutations: readonly object[], spec: object = {}, binding: object = {}, name = 'shape'): Promise<void> {
  const whole = { matchConstraints: CONFIGMAPS, reinvocationPolicy: 'Never', mutations, ...spec };
  await client.create(mutatingadmissionpolicies, { metadata: { name }, spec: whole } as never);
  await client.create(mutatingadmissionpolicybindings, {
    metadata: { name: `${name}-binding` },
    spec: { policyName: name, ...binding },
  } as never);
}

const apply = (expression: string): object => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const patch = (expression: string): object => ({ patchType: 'JSONPatch', jsonPatch: { expression } });

const configmap = (name: string, data: Readonly<Record<string, string>> = {}, namespace = 'one') =>
  client.create(configmaps, { metadata: { name, namespace }, data } as never);

async function refused(action: Promise<unknown>): Promise<StatusError> {
  try {
    await action;
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }
  return assert.fail('admitted');
}

const DENIED = `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'guard' with binding 'guard-binding' denied request: `;

describe('ValidatingAdmissionPolicy', () => {
  test('counts what it refused and what it let pass, and why', async () => {
    await validate({ validations: [{ expression: "object.data['missing'] == 'a'" }] }, { validationActions: ['Deny', 'Audit'] }, 'counts');
    await refused(configmap('x'));
    await validate({ failurePolicy: 'Ignore', validations: [{ expression: "object.data['missing'] == 'a'" }] }, {}, 'lenient');
    await client.delete(validatingadmissionpolicybindings, { name: 'counts-binding' });
    await configmap('passes');
    const figures = text(await http1(server, '/metrics'));
    for (const [policy, action] of [
      ['counts', 'deny'],
      ['counts', 'audit'],
      ['lenient', 'allow'],
    ]) {
      const labels = `enforcement_action="${action}",error_type="invalid_error",policy="${policy}",policy_binding="${policy}-binding"`;
      assert.ok(figures.includes(`apiserver_validating_admission_policy_check_total{${labels}} 1\n`), labels);
      assert.ok(figures.includes(`apiserver_validating_admission_policy_check_duration_seconds_count{${labels}} 1\n`), labels);
    }
  });

  test('denies with the expression, and names policy and binding', async () => {
    await validate({ validations: [{ expression: 'object.data.size() < 2' }] });
    await configmap('fits', { a: '1' });
    const { message, reason, code, details } = await refused(configmap('x', { a: '1', b: '2' }));
    assert.equal(message, `${DENIED}failed expression: object.data.size() < 2`);
    assert.deepEqual([reason, code], ['Invalid', 422]);
    assert.deepEqual(details?.causes, [{ message: message.slice('configmaps "x" is forbidden: '.length) }]);
  });

  for (const c of [
    { name: 'message', validation: { message: 'too many' }, message: 'too many', reason: 'Invalid', code: 422 },
    { name: 'messageExpression', validation: { message: 'm', messageExpression: "'not ' + object.metadata.name" }, message: 'not x' },
    { name: 'a messageExpression that fails', validation: { message: 'm', messageExpression: 'string(object.nothing)' }, message: 'm' },
    { name: 'a messageExpression of two lines', validation: { messageExpression: "'a\\nb'" }, message: 'failed expression: false' },
    { name: 'reason', validation: { message: 'm', reason: 'Forbidden' }, message: 'm', reason: 'Forbidden', code: 403 },
    {
      name: 'size',
      validation: { message: 'm', reason: 'RequestEntityTooLarge' },
      message: 'm',
      reason: 'RequestEntityTooLarge',
      code: 413,
    },
  ] as { name: string; validation: object; message: string; reason?: string; code?: number }[]) {
    test(`words its refusal by ${c.name}`, async () => {
      await validate({ validations: [{ expression: 'false', ...c.validation }] });
      const { message, reason, code } = await refused(configmap('x'));
      assert.equal(message, DENIED + c.message);
      assert.deepEqual([reason, code], [c.reason ?? 'Invalid', c.code ?? 422]);
    });
  }

  test('offers variables, each worked out from those before it, and the request', async () => {
    const variables = [
      { name: 'limit', expression: '1' },
      { name: 'entries', expression: 'has(object.data) ? object.data.size() : 0' },
      { name: 'fits', expression: 'variables.entries <= variables.limit' },
    ];
    const validations = [
      { expression: 'variables.fits', messageExpression: "'%d entries'.format([variables.entries])" },
      { expression: "request.operation == 'CREATE' && request.userInfo.username == 'admin' && request.resource.resource == 'configmaps'" },
      { expression: "namespaceObject.metadata.labels.team == 'one' && oldObject == null" },
    ];
    await validate({ variables, validations });
    await configmap('fits');
    assert.equal((await refused(configmap('x', { a: '1', b: '2' }))).message, `${DENIED}2 entries`);
  });

  test('warns and audits instead of denying, as its binding says', async () => {
    const auditAnnotations = [
      { key: 'name', valueExpression: 'string(object.metadata.name)' },
      { key: 'none', valueExpression: 'null' },
    ];
    await validate(
      { validations: [{ expression: 'true' }, { expression: 'false', message: 'm' }], auditAnnotations },
      { validationActions: ['Warn', 'Audit'] },
    );
    await configmap('x');
    assert.deepEqual(warned, ["Validation failed for ValidatingAdmissionPolicy 'guard' with binding 'guard-binding': m"]);
    assert.equal(audited['guard/name'], 'x');
    assert.equal(audited['guard/none'], undefined);
    const failure = { message: 'm', policy: 'guard', binding: 'guard-binding', expressionIndex: 1, validationActions: ['Warn', 'Audit'] };
    assert.deepEqual(JSON.parse(audited['validation.policy.admission.k8s.io/validation_failure'] ?? ''), [failure]);
  });

  test('takes params from a binding, by name and by selector', async () => {
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    const validations = [
      { expression: "object.metadata.name == 'limits' || object.data.size() <= int(params.data.most)", message: 'too many' },
    ];
    const paramRef = { name: 'limits', namespace: 'two', parameterNotFoundAction: 'Deny' };
    await validate({ paramKind, validations }, { paramRef });
    const none = `${DENIED}failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`;
    assert.equal((await refused(configmap('x', { a: '1' }))).message, none);
    const selected = { selector: { matchLabels: { kind: 'limit' } }, parameterNotFoundAction: 'Allow' };
    await client.create(validatingadmissionpolicybindings, {
      metadata: { name: 'selecting' },
      spec: { policyName: 'guard', validationActions: ['Deny'], paramRef: { ...selected, namespace: 'two' } },
    } as never);
    await client.delete(validatingadmissionpolicybindings, { name: 'guard-binding' });
    await configmap('before', { a: '1', b: '2' });
    await client.create(configmaps, {
      metadata: { name: 'limits', namespace: 'two', labels: { kind: 'limit' } },
      data: { most: '1' },
    } as never);
    assert.match((await refused(configmap('x', { a: '1', b: '2' }))).message, /with binding 'selecting' denied request: too many$/);
    await configmap('one-entry', { a: '1' });
  });

  for (const c of [
    {
      name: 'an error at run time',
      spec: { validations: [{ expression: 'object.nothing == 1' }] },
      message: "expression 'object.nothing == 1' resulted in error: no such key: nothing",
    },
    {
      name: 'match conditions that fail',
      spec: { validations: [{ expression: 'true' }], matchConditions: [{ name: 'c', expression: 'object.nothing == 1' }] },
      message: "expression 'object.nothing == 1' resulted in error: no such key: nothing",
    },
    {
      name: 'a kind of params nobody serves',
      spec: { paramKind: { apiVersion: 'example.com/v1', kind: 'Limit' }, validations: [{ expression: 'true' }] },
      message: "failed to configure policy: failed to find resource referenced by paramKind: 'example.com/v1, Kind=Limit'",
    },
    {
      name: 'an expression that costs too much',
      spec: { validations: [{ expression: 'lists.range(1000).all(i, lists.range(1000).all(j, j >= 0))' }] },
      message:
        "expression 'lists.range(1000).all(i, lists.range(1000).all(j, j >= 0))' resulted in error: operation cancelled: actual cost limit exceeded",
    },
  ]) {
    test(`refuses or ignores ${c.name}, by its failure policy`, async () => {
      await validate({ ...c.spec, failurePolicy: 'Ignore' }, { paramRef: { name: 'x', parameterNotFoundAction: 'Allow' } }, 'lenient');
      await configmap('ignored');
      await client.deleteCollection(validatingadmissionpolicies, {});
      await validate(c.spec, { paramRef: { name: 'x', parameterNotFoundAction: 'Allow' } });
      const { message } = await refused(configmap('x'));
      const binding = message.includes('configure policy') ? '' : " with binding 'guard-binding'";
      assert.equal(message, `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'guard'${binding} denied request: ${c.message}`);
    });
  }

  test('applies where its rules, its match conditions and its binding say', async () => {
    const matchConditions = [{ name: 'not-exempt', expression: "!object.metadata.name.startsWith('exempt-')" }];
    const binding = { matchResources: { namespaceSelector: { matchLabels: { team: 'one' } } } };
    await validate({ validations: [{ expression: 'false' }], matchConditions }, binding);
    await configmap('exempt-x');
    await configmap('elsewhere', {}, 'two');
    await client.create(namespaces, { metadata: { name: 'three' } } as never);
    await refused(configmap('x'));
  });

  test('asks the authorizer, which may take its time', async () => {
    const may = (resource: string): string => `authorizer.group('').resource('${resource}').namespace('one').check('get').allowed()`;
    const reason = "authorizer.requestResource.check('update').reason() == 'admin'";
    const account = "authorizer.serviceAccount('one', 'bot').path('/healthz').check('get').reason() == 'system:serviceaccount:one:bot'";
    await validate({
      validations: [
        { expression: `${may('pods')} && ${reason}` },
        { expression: account },
        { expression: may('secrets'), message: 'may not' },
      ],
    });
    assert.equal((await refused(configmap('x'))).message, `${DENIED}may not`);
  });
});

describe('MutatingAdmissionPolicy', () => {
  test('merges an apply configuration, lists by their keys', async () => {
    const expression = `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
      initContainers: [Object.spec.template.spec.initContainers{name: 'side', image: 'i', restartPolicy: 'Always'}]}}}}`;
    await mutate([apply(expression)], { matchConstraints: DEPLOYMENTS });
    const { spec } = await client.create(deployments, {
      metadata: { name: 'web', namespace: 'one' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: {
          metadata: { labels: { a: 'b' } },
          spec: { initContainers: [{ name: 'first', image: 'i' }], containers: [{ name: 'c', image: 'i' }] },
        },
      },
    } as unknown as Deployment);
    const [first, side] = spec.template.spec?.initContainers ?? [];
    assert.deepEqual([first?.name, side?.name, side?.restartPolicy, side?.imagePullPolicy], ['first', 'side', 'Always', 'Always']);
  });

  test('counts and times its mutations, and what went wrong with them', async () => {
    await mutate([patch("[JSONPatch{op: 'add', path: '/metadata/labels', value: {'x': 'y'}}]")], {}, {}, 'works');
    await configmap('x');
    await mutate([patch("[JSONPatch{op: 'add', path: '/metadata/labels', value: object.data['missing']}]")], {}, {}, 'fails');
    await refused(configmap('y'));
    const figures = text(await http1(server, '/metrics'));
    for (const [policy, error, count] of [
      ['works', 'no_error', 2],
      ['fails', 'invalid_error', 1],
    ]) {
      const labels = `error_type="${error}",policy="${policy}",policy_binding="${policy}-binding"`;
      assert.ok(figures.includes(`apiserver_mutating_admission_policy_check_total{${labels}} ${count}\n`), labels);
      assert.ok(figures.includes(`apiserver_mutating_admission_policy_check_duration_seconds_count{${labels}} ${count}\n`), labels);
    }
  });

  test('applies a JSON patch, unless a test in it fails', async () => {
    const add = `JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: string(object.data.size())}`;
    await mutate([
      patch(
        `[JSONPatch{op: 'test', path: '/data/go', value: 'yes'}, JSONPatch{op: 'add', path: '/metadata/labels', value: {'x': 'y'}}, ${add}]`,
      ),
    ]);
    assert.deepEqual((await configmap('x', { go: 'yes' })).metadata.labels, { x: 'y', 'a/b': '1' });
    assert.equal((await configmap('y', { go: 'no' })).metadata.labels, undefined);
  });

  test('goes from mutation to mutation, and calls again what wants to be when others change the object', async () => {
    const count = "Object{data: {'count': string(int(has(object.data) && 'count' in object.data ? object.data.count : '0') + 1)}}";
    await mutate(
      [apply("Object{metadata: Object.metadata{labels: {'a': 'b'}}}"), apply(count)],
      { reinvocationPolicy: 'IfNeeded' },
      {},
      'a-first',
    );
    await mutate(
      [apply("Object{data: {'later': 'yes'}}")],
      { matchConditions: [{ name: 'c', expression: '!has(object.data.later)' }] },
      {},
      'b-second',
    );
    const made = await configmap('x');
    assert.deepEqual([made.data, made.metadata.labels], [{ count: '2', later: 'yes' }, { a: 'b' }]);
  });

  const denies = "policy 'shape' with binding 'shape-binding' denied request: ";
  for (const c of [
    {
      name: 'names that do not fit',
      mutation: apply('Object{data: Object.metadata{x: 1}}'),
      message:
        'type mismatch: unexpected type name "Object.metadata", expected "Object.data", which matches field name path from root Object type',
    },
    {
      name: 'fields nobody knows',
      mutation: apply('Object{nothing: 1}'),
      message: 'error applying patch: failed to convert patch object to typed object: .nothing: field not declared in schema',
    },
    {
      name: 'an error at run time',
      mutation: apply('Object{data: object.nothing}'),
      message: "expression 'Object{data: object.nothing}' resulted in error: no such key: nothing",
    },
    { name: 'a patch that does not fit', mutation: patch("[JSONPatch{op: 'remove', path: '/data/x'}]"), message: 'JSON Patch: ' },
  ]) {
    test(`refuses for ${c.name}`, async () => {
      await mutate([c.mutation]);
      const { message, reason, code, details } = await refused(configmap('x'));
      assert.ok(message.startsWith(denies + c.message), message);
      assert.deepEqual([reason, code, details?.causes?.length], ['Invalid', 403, 1]);
    });
  }

  test('refuses to take a part of what can only be replaced as a whole', async () => {
    const expression = "Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'x': 'y'}}}}";
    await mutate([apply(expression)], { matchConstraints: DEPLOYMENTS });
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const { message } = await refused(
      client.create(deployments, {
        metadata: { name: 'x', namespace: 'one' },
        spec: { selector: { matchLabels: { a: 'b' } }, template },
      } as never),
    );
    assert.equal(
      message,
      `${denies}error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector`,
    );
  });
});
