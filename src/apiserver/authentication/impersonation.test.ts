import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationAttributes, Authorizer } from '../authorization/contract.ts';
import { ALLOW, NO_OPINION } from '../authorization/contract.ts';
import type { UserInfo } from './contract.ts';
import { headerValues } from './headers.ts';
import { impersonate, impersonationWish } from './impersonation.ts';

const wish = (...raw: string[]) => impersonationWish(headerValues(raw));

test('impersonationWish reads user, uid, groups and extra', () => {
  assert.deepEqual(
    wish(
      'Impersonate-User',
      'jane',
      'impersonate-uid',
      'u',
      'Impersonate-Group',
      'a',
      'Impersonate-Group',
      'b, c',
      'Impersonate-Extra-Acme.com%2FTeam',
      'x',
    ),
    { name: 'jane', uid: 'u', groups: ['a', 'b, c'], extra: { 'acme.com/team': ['x'] } },
  );
  assert.equal(wish('Accept', '*/*'), undefined);
});

for (const raw of [
  ['Impersonate-Group', 'a'],
  ['Impersonate-Uid', 'u'],
  ['Impersonate-Extra-a', 'b'],
]) {
  test(`impersonationWish refuses ${raw[0]} without a user`, () =>
    assert.throws(() => wish(...raw), { reason: 'BadRequest', message: /without impersonating a user name/ }));
}

const describe = ({ verb, group, resource, subresource, namespace, name }: AuthorizationAttributes): string =>
  `${verb} ${group}/${resource}${subresource === '' ? '' : `/${subresource}`} ${namespace === '' ? '' : `${namespace}/`}${name}`;

/** Allows what is listed; keeps all that was asked. */
function rights(...allowed: string[]) {
  const asked: string[] = [];
  const users: UserInfo[] = [];
  const authorizer: Authorizer = {
    authorize(attributes) {
      asked.push(describe(attributes));
      users.push(attributes.user);
      return allowed.some((one) => one === describe(attributes)) ? ALLOW : NO_OPINION;
    },
  };
  return { asked, users, authorizer };
}

const boss: UserInfo = { name: 'boss', groups: ['system:authenticated'] };
const LIST_PODS: AuthorizationAttributes = {
  user: boss,
  verb: 'list',
  isResourceRequest: true,
  namespace: 'a',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  name: '',
  path: '',
};
const act = (wanted: UserInfo, authorizer: Authorizer, user = boss) =>
  impersonate({ wanted, attributes: { ...LIST_PODS, user }, authorizer });

test('impersonate by the old verb checks every part', async () => {
  const { asked, authorizer } = rights(
    'impersonate /users jane',
    'impersonate authentication.k8s.io/uids u',
    'impersonate /groups a',
    'impersonate /groups b',
    'impersonate authentication.k8s.io/userextras/scopes x',
  );
  const { user, constraint } = await act({ name: 'jane', uid: 'u', groups: ['a', 'b'], extra: { scopes: ['x'] } }, authorizer);
  assert.deepEqual(user, { name: 'jane', uid: 'u', groups: ['a', 'b', 'system:authenticated'], extra: { scopes: ['x'] } });
  assert.equal(constraint, '');
  assert.equal(asked[0], 'impersonate-on:user-info:list /pods a/', 'the constrained way is tried first');
});

for (const missing of ['impersonate /users jane', 'impersonate /groups a', 'impersonate authentication.k8s.io/userextras/scopes x']) {
  test(`impersonate refuses without ${missing}`, async () => {
    const all = ['impersonate /users jane', 'impersonate /groups a', 'impersonate authentication.k8s.io/userextras/scopes x'];
    const { authorizer } = rights(...all.filter((one) => one !== missing));
    await assert.rejects(act({ name: 'jane', groups: ['a'], extra: { scopes: ['x'] } }, authorizer), {
      reason: 'Forbidden',
      message: 'pods is forbidden: User "boss" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "a"',
    });
  });
}

test('impersonate in a constrained way needs the verb and the user', async () => {
  const { authorizer } = rights('impersonate-on:user-info:list /pods a/', 'impersonate:user-info authentication.k8s.io/users jane');
  assert.deepEqual(await act({ name: 'jane', groups: [] }, authorizer), {
    user: { name: 'jane', groups: ['system:authenticated'] },
    constraint: 'impersonate:user-info',
  });
});

test('impersonate in a constrained way never gives system:masters', async () => {
  const { authorizer } = rights(
    'impersonate-on:user-info:list /pods a/',
    'impersonate:user-info authentication.k8s.io/users jane',
    'impersonate:user-info authentication.k8s.io/groups system:masters',
  );
  await assert.rejects(
    act({ name: 'jane', groups: ['system:masters'] }, authorizer),
    /impersonating the system:masters group is not allowed/,
  );
});

test('impersonate asks once for many groups', async () => {
  const { asked, authorizer } = rights(
    'impersonate-on:user-info:list /pods a/',
    'impersonate:user-info authentication.k8s.io/users jane',
    'impersonate:user-info authentication.k8s.io/groups *',
  );
  await act({ name: 'jane', groups: ['a', 'b', 'c', 'd'] }, authorizer);
  assert.equal(asked.filter((one) => one.includes('/groups')).length, 1);
});

test('impersonate gives a service account its groups', async () => {
  const { authorizer } = rights(
    'impersonate-on:serviceaccount:list /pods a/',
    'impersonate:serviceaccount authentication.k8s.io/serviceaccounts b/web',
  );
  const { user, constraint } = await act({ name: 'system:serviceaccount:b:web', groups: [] }, authorizer);
  assert.deepEqual(user.groups, ['system:serviceaccounts', 'system:serviceaccounts:b', 'system:authenticated']);
  assert.equal(constraint, 'impersonate:serviceaccount');
});

test('impersonate lets an agent act as the node it runs on, without asking about the node', async () => {
  const agent: UserInfo = {
    name: 'system:serviceaccount:kube-system:agent',
    groups: [],
    extra: { 'authentication.kubernetes.io/node-name': ['n1'] },
  };
  const { authorizer, users } = rights(
    'impersonate-on:associated-node:list /pods a/',
    'impersonate:associated-node authentication.k8s.io/nodes *',
  );
  const { user } = await act({ name: 'system:node:n1', groups: [] }, authorizer, agent);
  assert.deepEqual(user, { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] });
  assert.deepEqual(users[0]?.extra, { 'authentication.kubernetes.io/associated-node-keys': ['authentication.kubernetes.io/node-name'] });
  await assert.rejects(act({ name: 'system:node:n2', groups: [] }, authorizer, agent), /cannot impersonate-on:arbitrary-node:list/);
});

test('impersonate makes the anonymous user unauthenticated', async () => {
  const { authorizer } = rights('impersonate /users system:anonymous');
  assert.deepEqual((await act({ name: 'system:anonymous', groups: [] }, authorizer)).user.groups, ['system:unauthenticated']);
});

test('impersonate passes on why an authoriser refused', async () => {
  const authorizer: Authorizer = { authorize: () => ({ decision: 'deny', reason: 'because', error: new Error('broken') }) };
  await assert.rejects(act({ name: 'jane', groups: [] }, authorizer), /: broken: because$/);
});
