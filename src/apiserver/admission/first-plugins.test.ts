import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps, namespaces, nodes, pods, priorityclasses, serviceaccounts } from '#api/resources.ts';
import type { Node, Pod } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { MemoryReader } from '../authorization/testing.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { priorityAdmission } from './priority.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';
import { admitted, refused, write } from './testing.ts';

const meta = (name: string, namespace = 'a') => ({ name, namespace });
const namespace = (phase: 'Active' | 'Terminating', name = 'a') => ({ metadata: { name }, status: { phase } });

function lifecycle() {
  const reader = new MemoryReader();
  const clock = new ManualClock();
  return { reader, clock, plugin: namespaceLifecycle({ reader, clock }) };
}

test('NamespaceLifecycle admits into an active namespace and refuses into one that is not there', async () => {
  const { reader, plugin } = lifecycle();
  const attributes = write(configmaps, { object: { metadata: meta('c') } });
  await assert.rejects(
    async () => plugin.admit(attributes),
    (error: unknown) => error instanceof StatusError && error.reason === 'NotFound' && error.message === 'namespaces "a" not found',
  );
  reader.put(namespaces, namespace('Active'));
  assert.equal(await refused(plugin, attributes), undefined);
});

test('NamespaceLifecycle waits for the cache before it refuses', async () => {
  const { reader, plugin } = lifecycle();
  reader.onCatchUp = () => reader.put(namespaces, namespace('Active'));
  assert.equal(await refused(plugin, write(configmaps, { object: { metadata: meta('c') } })), undefined);
});

test('NamespaceLifecycle refuses creates in a terminating namespace, with a cause', async () => {
  const { reader, plugin } = lifecycle();
  reader.put(namespaces, namespace('Terminating'));
  await assert.rejects(
    async () => plugin.admit(write(configmaps, { object: { metadata: meta('c') } })),
    (error: unknown) => {
      assert.ok(error instanceof StatusError);
      assert.equal(
        error.message,
        'configmaps "c" is forbidden: unable to create new content in namespace a because it is being terminated',
      );
      assert.deepEqual(error.details?.causes, [
        { reason: 'NamespaceTerminating', message: 'namespace a is being terminated', field: 'metadata.namespace' },
      ]);
      return true;
    },
  );
  assert.equal(
    await refused(plugin, write(configmaps, { object: { metadata: meta('c') }, oldObject: { metadata: meta('c') } })),
    undefined,
    'updates may go on',
  );
  assert.equal(await refused(plugin, write(configmaps, { operation: 'DELETE', oldObject: { metadata: meta('c') } })), undefined);
});

test('NamespaceLifecycle does not trust the cache after a namespace was deleted', async () => {
  const { reader, plugin, clock } = lifecycle();
  reader.put(namespaces, namespace('Active'));
  const create = write(configmaps, { object: { metadata: meta('c') } });
  await plugin.admit(write(namespaces, { operation: 'DELETE', oldObject: namespace('Active') }));
  reader.onCatchUp = () => reader.put(namespaces, namespace('Terminating'));
  assert.match((await refused(plugin, create)) ?? '', /being terminated/);
  reader.put(namespaces, namespace('Active'));
  clock.advance(31_000);
  reader.onCatchUp = () => assert.fail('the cache is trusted again');
  assert.equal(await refused(plugin, create), undefined);
});

for (const name of ['default', 'kube-system', 'kube-public']) {
  test(`NamespaceLifecycle keeps ${name}`, async () => {
    const { plugin } = lifecycle();
    const attributes = write(namespaces, { operation: 'DELETE', oldObject: namespace('Active', name) });
    assert.equal(await refused(plugin, attributes), `namespaces "${name}" is forbidden: this namespace may not be deleted`);
  });
}

function accounts() {
  const reader = new MemoryReader();
  const clock = new ManualClock();
  reader.put(serviceaccounts, { metadata: { ...meta('default'), uid: 'u' }, imagePullSecrets: [{ name: 'registry' }] });
  return { reader, clock, plugin: serviceAccountAdmission({ reader, clock, ids: seededIds(7) }) };
}

const container = (name: string, over = {}) => ({ name, image: 'x', ...over });

test('ServiceAccount gives a pod the default account, its token and its pull secrets', async () => {
  const { plugin } = accounts();
  const object = { metadata: meta('p'), spec: { containers: [container('c')], initContainers: [container('i')] } };
  const pod = await admitted<Pod>(plugin, write(pods, { object }), assert.deepEqual);
  const volume = pod.spec.volumes?.[0]?.name ?? '';
  assert.match(volume, /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  const mount = { name: volume, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
  assert.deepEqual(pod.spec, {
    containers: [container('c', { volumeMounts: [mount] })],
    initContainers: [container('i', { volumeMounts: [mount] })],
    serviceAccountName: 'default',
    serviceAccount: 'default',
    imagePullSecrets: [{ name: 'registry' }],
    volumes: [
      {
        name: volume,
        projected: {
          defaultMode: 420,
          sources: [
            { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
          ],
        },
      },
    ],
  });
  assert.equal(object.spec.containers[0] !== pod.spec.containers[0], true, 'the given pod is not changed');
});

for (const c of [
  { name: 'the pod says no', spec: { automountServiceAccountToken: false }, account: {} },
  { name: 'the account says no', spec: {}, account: { automountServiceAccountToken: false } },
  {
    name: 'every container mounts something there',
    spec: { containers: [container('c', { volumeMounts: [{ name: 'v', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] })] },
    account: {},
  },
]) {
  test(`ServiceAccount mounts no token when ${c.name}`, async () => {
    const { plugin, reader } = accounts();
    reader.put(serviceaccounts, { metadata: { ...meta('default'), uid: 'u' }, ...c.account });
    const object = { metadata: meta('p'), spec: { containers: [container('c')], ...c.spec } };
    const pod = await admitted<Pod>(plugin, write(pods, { object }), assert.deepEqual);
    assert.equal(pod.spec.volumes, undefined);
  });
}

test('ServiceAccount keeps pull secrets of the pod', async () => {
  const { plugin } = accounts();
  const object = { metadata: meta('p'), spec: { containers: [], imagePullSecrets: [{ name: 'mine' }] } };
  assert.deepEqual((await admitted<Pod>(plugin, write(pods, { object }), assert.deepEqual)).spec.imagePullSecrets, [{ name: 'mine' }]);
});

test('ServiceAccount refuses an account that is not there', async () => {
  const { plugin } = accounts();
  const object = { metadata: meta('p'), spec: { containers: [], serviceAccountName: 'web' } };
  assert.equal(
    await refused(plugin, write(pods, { object })),
    'pods "p" is forbidden: error looking up service account a/web: serviceaccount "web" not found',
  );
});

test('ServiceAccount waits a moment for the default account of a new namespace', async () => {
  const { plugin, reader, clock } = accounts();
  const object = { metadata: meta('p', 'new'), spec: { containers: [] } };
  const pending = refused(plugin, write(pods, { object }));
  await reader.caughtUp();
  await Promise.resolve();
  reader.put(serviceaccounts, { metadata: { ...meta('default', 'new'), uid: 'v' } });
  assert.equal(await pending, undefined);
  assert.equal(clock.pending, 0, 'no timer is left');
});

const MIRROR = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
for (const c of [
  { name: 'an account', spec: { serviceAccountName: 'web' }, why: 'a mirror pod may not reference service accounts' },
  { name: 'a secret', spec: { volumes: [{ name: 'v', secret: { secretName: 's' } }] }, why: 'a mirror pod may not reference secrets' },
  {
    name: 'a token',
    spec: { volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] },
    why: 'a mirror pod may not use ServiceAccountToken volume projections',
  },
]) {
  test(`ServiceAccount refuses a mirror pod with ${c.name}`, async () => {
    const object = { metadata: { ...meta('p'), ...MIRROR }, spec: { containers: [], ...c.spec } };
    assert.equal(await refused(accounts().plugin, write(pods, { object: object as never })), `pods "p" is forbidden: ${c.why}`);
  });
}

test('ServiceAccount leaves a mirror pod as it is', async () => {
  const object = { metadata: { ...meta('p'), ...MIRROR }, spec: { containers: [] } };
  assert.equal(await accounts().plugin.admit(write(pods, { object })), undefined);
});

test('ServiceAccount lets an account limit secrets', async () => {
  const { plugin, reader } = accounts();
  reader.put(serviceaccounts, {
    metadata: { ...meta('default'), uid: 'u', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
    secrets: [{ name: 'ok' }],
  });
  const spec = (over: object) => write(pods, { object: { metadata: meta('p'), spec: { containers: [container('c', over)] } } as never });
  const secretEnv = (name: string) => ({ env: [{ name: 'E', valueFrom: { secretKeyRef: { name, key: 'k' } } }] });
  assert.equal(await refused(plugin, spec(secretEnv('ok'))), undefined);
  assert.equal(
    await refused(plugin, spec(secretEnv('other'))),
    'pods "p" is forbidden: container c with envVar E referencing secret.secretName="other" is not allowed because service account default does not reference that secret',
  );
});

const NOT_READY = { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 };
const UNREACHABLE = { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 };
for (const c of [
  { name: 'none', given: undefined, want: [NOT_READY, UNREACHABLE] },
  { name: 'its own for one', given: [{ ...NOT_READY, tolerationSeconds: 5 }], want: [{ ...NOT_READY, tolerationSeconds: 5 }, UNREACHABLE] },
  { name: 'one for everything', given: [{ operator: 'Exists' }], want: [{ operator: 'Exists' }] },
  {
    name: 'one for scheduling only',
    given: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }],
    want: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }, NOT_READY, UNREACHABLE],
  },
]) {
  test(`DefaultTolerationSeconds completes a pod with ${c.name}`, async () => {
    const object = { metadata: meta('p'), spec: { containers: [], ...(c.given === undefined ? {} : { tolerations: c.given }) } };
    const pod = await admitted<Pod>(defaultTolerationSeconds(), write(pods, { object: object as never }), assert.deepEqual);
    assert.deepEqual(pod.spec.tolerations, c.want);
  });
}

function priorities() {
  const reader = new MemoryReader();
  reader.put(priorityclasses, { metadata: { name: 'high' }, value: 1_000, preemptionPolicy: 'Never' });
  return { reader, plugin: priorityAdmission({ reader }) };
}
const podWith = (spec: object) => ({ metadata: meta('p'), spec: { containers: [], ...spec } });

test('Priority resolves the class, the default class, or none', async () => {
  const { reader, plugin } = priorities();
  const resolve = async (spec: object) => {
    const { priority, preemptionPolicy, priorityClassName } = (
      await admitted<Pod>(plugin, write(pods, { object: podWith(spec) }), assert.deepEqual)
    ).spec;
    return [priorityClassName, priority, preemptionPolicy];
  };
  assert.deepEqual(await resolve({ priorityClassName: 'high' }), ['high', 1_000, 'Never']);
  assert.deepEqual(await resolve({}), [undefined, 0, 'PreemptLowerPriority']);
  reader.put(priorityclasses, { metadata: { name: 'd2' }, value: 20, globalDefault: true, preemptionPolicy: 'PreemptLowerPriority' });
  reader.put(priorityclasses, { metadata: { name: 'd1' }, value: 10, globalDefault: true, preemptionPolicy: 'PreemptLowerPriority' });
  assert.deepEqual(await resolve({}), ['d1', 10, 'PreemptLowerPriority'], 'the lowest of several defaults');
});

for (const c of [
  { spec: { priorityClassName: 'gone' }, why: 'no PriorityClass with name gone was found' },
  {
    spec: { priorityClassName: 'high', priority: 5 },
    why: 'the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
  },
  {
    spec: { priorityClassName: 'high', preemptionPolicy: 'PreemptLowerPriority' },
    why: 'the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name',
  },
]) {
  test(`Priority refuses ${JSON.stringify(c.spec)}`, async () =>
    assert.equal(await refused(priorities().plugin, write(pods, { object: podWith(c.spec) as never })), `pods "p" is forbidden: ${c.why}`));
}

test('Priority keeps what an update leaves out', async () => {
  const attributes = write(pods, { object: podWith({}), oldObject: podWith({ priority: 7, preemptionPolicy: 'Never' }) as never });
  const pod = await admitted<Pod>(priorities().plugin, attributes, assert.deepEqual);
  assert.deepEqual([pod.spec.priority, pod.spec.preemptionPolicy], [7, 'Never']);
});

test('Priority allows one default class', async () => {
  const { reader, plugin } = priorities();
  const wanted = { metadata: { name: 'mine' }, value: 1, globalDefault: true };
  assert.equal(await refused(plugin, write(priorityclasses, { object: wanted })), undefined);
  reader.put(priorityclasses, { metadata: { name: 'other' }, value: 1, globalDefault: true });
  assert.equal(
    await refused(plugin, write(priorityclasses, { object: wanted })),
    'priorityclasses.scheduling.k8s.io "mine" is forbidden: PriorityClass other is already marked as default. Only one default can exist',
  );
});

test('TaintNodesByCondition taints a new node once', async () => {
  const node = await admitted<Node>(
    taintNodesByCondition,
    write(nodes, { object: { metadata: { name: 'n' }, spec: {} } }),
    assert.deepEqual,
  );
  assert.deepEqual(node.spec.taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
});
