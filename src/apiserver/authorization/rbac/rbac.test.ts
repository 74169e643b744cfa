import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterrolebindings, clusterroles, rolebindings, roles } from '#api/resources.ts';
import type { PolicyRule, Subject } from '#api/types.ts';
import type { UserInfo } from '../../authentication/contract.ts';
import type { AuthorizationAttributes } from '../contract.ts';
import { MemoryReader } from '../testing.ts';
import { RbacAuthorizer } from './authorizer.ts';
import { BindingIndex } from './bindings.ts';
import { compactRules, uncovered } from './covers.ts';
import { compactRule, RuleSet } from './rules.ts';

const jane: UserInfo = { name: 'jane', groups: ['dev'] };
const ask = (over: Partial<AuthorizationAttributes>): AuthorizationAttributes => ({
  user: jane,
  verb: 'get',
  isResourceRequest: true,
  namespace: 'a',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  name: '',
  path: '',
  ...over,
});
const path = (verb: string, url: string): AuthorizationAttributes =>
  ask({ verb, isResourceRequest: false, path: url, namespace: '', resource: '', version: '' });

const rule = (verbs: string, groups: string, resources: string, names?: string): PolicyRule => ({
  verbs: verbs.split(','),
  apiGroups: groups.split(','),
  resources: resources.split(','),
  ...(names === undefined ? {} : { resourceNames: names.split(',') }),
});
const urls = (verbs: string, nonResourceURLs: string): PolicyRule => ({
  verbs: verbs.split(','),
  nonResourceURLs: nonResourceURLs.split(','),
});

for (const c of [
  {
    rule: rule('get', '', 'pods'),
    allows: [ask({})],
    refuses: [ask({ verb: 'list' }), ask({ group: 'apps' }), ask({ resource: 'nodes' }), ask({ subresource: 'log' })],
  },
  {
    rule: rule('*', '*', '*'),
    allows: [ask({}), ask({ verb: 'odd', group: 'x', resource: 'y', subresource: 'z', name: 'n' })],
    refuses: [path('get', '/')],
  },
  {
    rule: rule('get', '', 'pods/log'),
    allows: [ask({ subresource: 'log' })],
    refuses: [ask({}), ask({ resource: 'nodes', subresource: 'log' })],
  },
  {
    rule: rule('get', '*', '*/scale'),
    allows: [ask({ group: 'apps', resource: 'deployments', subresource: 'scale' })],
    refuses: [ask({ resource: 'deployments' }), ask({ subresource: 'escale' })],
  },
  { rule: rule('get', '', 'pods', 'x,y'), allows: [ask({ name: 'y' })], refuses: [ask({}), ask({ name: 'z' })] },
  { rule: rule('get', '*', 'pods'), allows: [ask({ group: 'metrics.k8s.io' })], refuses: [ask({ resource: 'nodes' })] },
  {
    rule: urls('get', '/healthz,/livez/*'),
    allows: [path('get', '/healthz'), path('get', '/livez/a/b')],
    refuses: [path('get', '/livez'), path('post', '/healthz'), ask({})],
  },
  { rule: urls('*', '*'), allows: [path('post', '/anything')], refuses: [ask({})] },
]) {
  test(`RuleSet judges by ${compactRule(c.rule)}`, () => {
    const set = new RuleSet<string>();
    set.add(c.rule, 'source');
    for (const attributes of c.allows) assert.equal(set.find(attributes), 'source', JSON.stringify(attributes));
    for (const attributes of c.refuses) assert.equal(set.find(attributes), undefined, JSON.stringify(attributes));
  });
}

const ROLE_GROUP = 'rbac.authorization.k8s.io';
const user = (name: string): Subject => ({ kind: 'User', apiGroup: ROLE_GROUP, name });
const group = (name: string): Subject => ({ kind: 'Group', apiGroup: ROLE_GROUP, name });

function setUp() {
  const reader = new MemoryReader();
  const rbac = new RbacAuthorizer(reader);
  const clusterRole = (name: string, ...rules: PolicyRule[]) => reader.put(clusterroles, { metadata: { name }, rules });
  const role = (name: string, ...rules: PolicyRule[]) => reader.put(roles, { metadata: { name, namespace: 'a' }, rules });
  const bindCluster = (name: string, roleName: string, ...subjects: Subject[]) =>
    reader.put(clusterrolebindings, {
      metadata: { name },
      subjects,
      roleRef: { apiGroup: ROLE_GROUP, kind: 'ClusterRole', name: roleName },
    });
  const bind = (name: string, kind: string, roleName: string, ...subjects: Subject[]) =>
    reader.put(rolebindings, { metadata: { name, namespace: 'a' }, subjects, roleRef: { apiGroup: ROLE_GROUP, kind, name: roleName } });
  const decision = (attributes: AuthorizationAttributes): string => rbac.authorize(attributes).decision;
  return { reader, rbac, clusterRole, role, bindCluster, bind, decision };
}

test('RbacAuthorizer allows by a cluster binding everywhere and says by which', () => {
  const { clusterRole, bindCluster, rbac } = setUp();
  clusterRole('reader', rule('get', '', 'pods'));
  bindCluster('devs', 'reader', group('dev'));
  assert.deepEqual(rbac.authorize(ask({ namespace: 'b' })), {
    decision: 'allow',
    reason: 'RBAC: allowed by ClusterRoleBinding "devs" of ClusterRole "reader" to Group "dev"',
  });
  assert.deepEqual(rbac.authorize(ask({ user: { name: 'joe', groups: [] } })), { decision: 'noOpinion', reason: '' });
});

test('RbacAuthorizer allows by a role binding in its namespace only', () => {
  const { clusterRole, role, bind, decision, rbac } = setUp();
  clusterRole('reader', rule('get', '', 'pods'));
  role('lister', rule('list', '', 'pods'));
  bind('one', 'ClusterRole', 'reader', user('jane'));
  bind('two', 'Role', 'lister', user('jane'));
  assert.equal(rbac.authorize(ask({})).reason, 'RBAC: allowed by RoleBinding "one/a" of ClusterRole "reader" to User "jane"');
  assert.equal(decision(ask({ verb: 'list' })), 'allow');
  assert.equal(decision(ask({ namespace: 'b' })), 'noOpinion');
  assert.equal(decision(ask({ namespace: '' })), 'noOpinion');
});

test('RbacAuthorizer takes the namespace of a service account from its binding', () => {
  const { role, bind, rbac } = setUp();
  role('reader', rule('get', '', 'pods'));
  bind('one', 'Role', 'reader', { kind: 'ServiceAccount', name: 'web' });
  const web = { name: 'system:serviceaccount:a:web', groups: [] };
  assert.equal(
    rbac.authorize(ask({ user: web })).reason,
    'RBAC: allowed by RoleBinding "one/a" of Role "reader" to ServiceAccount "web/a"',
  );
});

test('RbacAuthorizer follows every change at once', () => {
  const { reader, clusterRole, role, bind, bindCluster, decision } = setUp();
  const states: string[] = [];
  const note = (): void => void states.push(decision(ask({})));
  note();
  clusterRole('reader', rule('get', '', 'pods'));
  bindCluster('devs', 'reader', group('dev'));
  note();
  clusterRole('reader', rule('list', '', 'pods'));
  note();
  role('local', rule('get', '', 'pods'));
  bind('one', 'Role', 'local', user('jane'));
  note();
  bind('one', 'Role', 'local', user('joe'));
  note();
  bind('one', 'Role', 'local', user('joe'), user('jane'));
  note();
  reader.remove(roles, 'local', 'a');
  note();
  role('local', rule('get', '', 'pods'));
  note();
  reader.remove(rolebindings, 'one', 'a');
  note();
  assert.deepEqual(states, ['noOpinion', 'allow', 'noOpinion', 'allow', 'noOpinion', 'allow', 'noOpinion', 'allow', 'noOpinion']);
});

test('RbacAuthorizer forgets a binding that was there before it was first asked', () => {
  const { reader, role, bind, decision } = setUp();
  role('local', rule('get', '', 'pods'));
  bind('one', 'Role', 'local', user('jane'));
  assert.equal(decision(ask({})), 'allow');
  reader.remove(rolebindings, 'one', 'a');
  assert.equal(decision(ask({})), 'noOpinion');
  bind('one', 'Role', 'local', user('jane'));
  assert.equal(decision(ask({})), 'allow');
});

test('BindingIndex keeps nothing of a namespace whose last binding is gone', () => {
  const { reader, role, bind } = setUp();
  const index = new BindingIndex(reader);
  role('local', rule('get', '', 'pods'));
  bind('one', 'Role', 'local', user('jane'));
  assert.notEqual(index.generation('a'), 0);
  reader.remove(rolebindings, 'one', 'a');
  reader.remove(roles, 'local', 'a');
  assert.equal(index.generation('a'), 0);
});

test('RbacAuthorizer says which roles are missing when it has no opinion', () => {
  const { bindCluster, bind, rbac } = setUp();
  bindCluster('devs', 'gone', group('dev'));
  assert.equal(rbac.authorize(ask({ namespace: '' })).reason, 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found');
  bind('one', 'Role', 'lost', user('jane'));
  assert.equal(
    rbac.authorize(ask({})).reason,
    'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "lost" not found]',
  );
});

test('RbacAuthorizer lists the rules of a user in a namespace', () => {
  const { clusterRole, role, bindCluster, bind, rbac } = setUp();
  clusterRole('reader', rule('get', '', 'pods'), urls('get', '/healthz'));
  role('editor', rule('update', 'apps', 'deployments', 'web'));
  bindCluster('devs', 'reader', group('dev'));
  bind('one', 'Role', 'editor', user('jane'));
  assert.deepEqual(rbac.rulesFor(jane, 'a'), {
    resourceRules: [
      { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
      { verbs: ['update'], apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['web'] },
    ],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }],
    incomplete: false,
  });
});

for (const c of [
  { owner: [rule('*', '*', '*'), urls('*', '*')], servant: [rule('get,list', 'apps', 'deployments', 'x'), urls('get', '/a')], left: [] },
  {
    owner: [rule('get', '', 'pods')],
    servant: [rule('get,list', '', 'pods')],
    left: ['{APIGroups:[""], Resources:["pods"], Verbs:["list"]}'],
  },
  {
    owner: [rule('get', '', 'pods', 'x')],
    servant: [rule('get', '', 'pods')],
    left: ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
  },
  { owner: [rule('get', '', 'pods')], servant: [rule('get', '', 'pods', 'x,y')], left: [] },
  {
    owner: [rule('get', '*', '*/scale')],
    servant: [rule('get', 'apps', 'deployments/scale,deployments')],
    left: ['{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}'],
  },
  { owner: [urls('get', '/a/*')], servant: [urls('get', '/a/b,/a/*,/b')], left: ['{NonResourceURLs:["/b"], Verbs:["get"]}'] },
]) {
  test(`uncovered finds what ${c.owner.map(compactRule)} does not allow of ${c.servant.map(compactRule)}`, () =>
    assert.deepEqual(compactRules(uncovered(c.owner, c.servant)).map(compactRule), c.left));
}

test('compactRules joins verbs of one resource', () => {
  const missing = uncovered([], [rule('get,list', '', 'pods,nodes')]);
  assert.deepEqual(compactRules(missing).map(compactRule), [
    '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
    '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}',
  ]);
});

test('paths of a mebibyte that are made to be read again and again are read once', () => {
  const stars = `${'*'.repeat(1 << 20)}a*`;
  const rules = new RuleSet<string>();
  rules.add(urls('get', stars), 'own');
  assert.equal(rules.find(path('get', `${stars}b`)), 'own');
  assert.deepEqual(uncovered([urls('get', stars)], [urls('get', `${stars}b`)]), []);
});
