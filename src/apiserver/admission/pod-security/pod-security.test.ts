import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployments, namespaces, pods } from '#api/resources.ts';
import type { PodSpec } from '#api/types.ts';
import { MemoryReader } from '../../authorization/testing.ts';
import { refused, write } from '../testing.ts';
import { podSecurity, type PodSecuritySettings } from './plugin.ts';
import { detailText, evaluatePod, policyOf, policyText, type Level } from './policy.ts';

const container = (name: string, securityContext: object = {}, over: object = {}) => ({ name, image: 'x', securityContext, ...over });
const spec = (over: object = {}, ...containers: object[]): PodSpec =>
  ({ containers: containers.length === 0 ? [container('c')] : containers, ...over }) as unknown as PodSpec;
const HARDENED = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
  capabilities: { drop: ['ALL'] },
};

interface Case {
  readonly level: Level;
  readonly minor?: number;
  readonly spec: PodSpec;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Empty: allowed. */
  readonly text: string;
}

const CASES: readonly Case[] = [
  { level: 'privileged', spec: spec({ hostPID: true }, container('c', { privileged: true })), text: '' },
  { level: 'baseline', spec: spec(), text: '' },
  { level: 'restricted', spec: spec({}, container('c', HARDENED)), text: '' },
  {
    level: 'restricted',
    spec: spec(),
    text:
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
      'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
      'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  },
  { level: 'baseline', spec: spec({ hostNetwork: true, hostIPC: true }), text: 'host namespaces (hostNetwork=true, hostIPC=true)' },
  {
    level: 'baseline',
    spec: spec({}, container('a', { privileged: true }), container('b', { privileged: true })),
    text: 'privileged (containers "a", "b" must not set securityContext.privileged=true)',
  },
  {
    level: 'baseline',
    spec: spec({}, container('a', { capabilities: { add: ['SYS_ADMIN', 'CHOWN', 'NET_RAW'] } })),
    text: 'non-default capabilities (container "a" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
  },
  { level: 'baseline', spec: spec({ volumes: [{ name: 'v', hostPath: { path: '/' } }] }), text: 'hostPath volumes (volume "v")' },
  {
    level: 'restricted',
    spec: spec(
      {
        volumes: [
          { name: 'v', hostPath: { path: '/' } },
          { name: 'w', nfs: {} },
          { name: 's', secret: {} },
        ],
      },
      container('c', HARDENED),
    ),
    text: 'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")',
  },
  {
    level: 'baseline',
    spec: spec({}, container('a', {}, { ports: [{ hostPort: 80 }, { hostPort: 443 }, { containerPort: 1 }] })),
    text: 'hostPort (container "a" uses hostPorts 443, 80)',
  },
  {
    level: 'baseline',
    spec: spec({}, container('a', {}, { livenessProbe: { httpGet: { host: 'h' } } })),
    text: 'probe or lifecycle host (container "a" uses probe or lifecycle host "h")',
  },
  { level: 'baseline', minor: 33, spec: spec({}, container('a', {}, { livenessProbe: { httpGet: { host: 'h' } } })), text: '' },
  {
    level: 'baseline',
    spec: spec({}, container('a', { procMount: 'Unmasked' })),
    text: 'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  },
  { level: 'baseline', spec: spec({ hostUsers: false }, container('a', { procMount: 'Unmasked' })), text: '' },
  {
    level: 'restricted',
    spec: spec({ hostUsers: false }, container('a', { ...HARDENED, procMount: 'Unmasked' })),
    text: 'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  },
  {
    level: 'baseline',
    spec: spec({ securityContext: { seLinuxOptions: { type: 'spc_t', user: 'u' } } }, container('a', { seLinuxOptions: { role: 'r' } })),
    text: 'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
  },
  {
    level: 'baseline',
    minor: 30,
    spec: spec({ securityContext: { seLinuxOptions: { type: 'container_engine_t' } } }),
    text: 'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
  },
  { level: 'baseline', spec: spec({ securityContext: { seLinuxOptions: { type: 'container_engine_t' } } }), text: '' },
  {
    level: 'baseline',
    spec: spec({ securityContext: { seccompProfile: { type: 'Unconfined' } } }),
    text: 'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
  },
  {
    level: 'baseline',
    minor: 18,
    annotations: { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' },
    spec: spec(),
    text: 'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  },
  {
    level: 'baseline',
    spec: spec({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }, { name: 'kernel.msgmax' }] } }),
    text: 'forbidden sysctls (kernel.msgmax)',
  },
  {
    level: 'baseline',
    minor: 31,
    spec: spec({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }] } }),
    text: 'forbidden sysctls (net.ipv4.tcp_rmem)',
  },
  {
    level: 'baseline',
    spec: spec({ securityContext: { windowsOptions: { hostProcess: true } } }),
    text: 'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
  },
  {
    level: 'baseline',
    annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' },
    spec: spec({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }),
    text: 'forbidden AppArmor profiles (pod and annotation must not set AppArmor profile type to "Unconfined", "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
  },
  {
    level: 'restricted',
    spec: spec({ securityContext: { runAsUser: 0 } }, container('c', { ...HARDENED, runAsUser: 0 })),
    text: 'runAsUser=0 (pod and container "c" must not set runAsUser=0)',
  },
  {
    level: 'restricted',
    spec: spec({ securityContext: { runAsNonRoot: false } }, container('c', HARDENED)),
    text: 'runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)',
  },
  {
    level: 'restricted',
    spec: spec({}, container('c', { ...HARDENED, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CHOWN'] } })),
    text: 'unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)',
  },
  { level: 'restricted', minor: 7, spec: spec({}, container('c', { runAsNonRoot: true })), text: '' },
  { level: 'restricted', spec: spec({ os: { name: 'windows' } }, container('c', { runAsNonRoot: true })), text: '' },
];

for (const c of CASES) {
  const at = { level: c.level, minor: c.minor };
  test(`evaluatePod at ${policyText(at)} says ${c.text === '' ? 'nothing' : c.text} of ${JSON.stringify(c.spec)}`, () =>
    assert.equal(detailText(evaluatePod(at, c.spec, { annotations: c.annotations ?? {} })), c.text));
}

test('evaluatePod looks at containers of every kind', () => {
  const bad = container('x', { privileged: true });
  for (const kind of ['initContainers', 'containers', 'ephemeralContainers']) {
    assert.equal(
      evaluatePod({ level: 'baseline', minor: undefined }, { containers: [], [kind]: [bad] } as unknown as PodSpec, {}).length,
      1,
      kind,
    );
  }
});

const labels = (entries: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(entries).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]));

test('policyOf warns of what is enforced, unless the namespace says otherwise', () => {
  const texts = (entries: Readonly<Record<string, string>>) => {
    const { enforce, audit, warn } = policyOf(labels(entries)).policy;
    return [enforce, audit, warn].map(policyText);
  };
  assert.deepEqual(texts({}), ['privileged:latest', 'privileged:latest', 'privileged:latest']);
  assert.deepEqual(texts({ enforce: 'baseline', 'enforce-version': 'v1.20' }), ['baseline:v1.20', 'privileged:latest', 'baseline:v1.20']);
  assert.deepEqual(texts({ enforce: 'baseline', warn: 'privileged' }), ['baseline:latest', 'privileged:latest', 'privileged:latest']);
});

test('policyOf is strict about labels nobody can read', () => {
  const { policy, errors } = policyOf(labels({ enforce: 'tight', audit: 'tight', 'warn-version': '1.2' }));
  assert.deepEqual(
    [policyText(policy.enforce), policyText(policy.audit), policyText(policy.warn)],
    ['restricted:latest', 'privileged:latest', 'privileged:latest'],
  );
  assert.deepEqual(errors.map(({ field, detail }) => `${field}: ${detail}`).toSorted(), [
    'metadata.labels[pod-security.kubernetes.io/audit]: must be one of privileged, baseline, restricted',
    'metadata.labels[pod-security.kubernetes.io/enforce]: must be one of privileged, baseline, restricted',
    'metadata.labels[pod-security.kubernetes.io/warn-version]: must be "latest" or "v1.x"',
  ]);
});

function setUp(entries: Readonly<Record<string, string>>, settings: PodSecuritySettings = {}) {
  const reader = new MemoryReader();
  reader.put(namespaces, { metadata: { name: 'a', labels: labels(entries) } });
  return { reader, plugin: podSecurity({ reader }, settings) };
}

const PRIVILEGED = spec({ hostPID: true });
const pod = (of: PodSpec, name = 'p') => ({ metadata: { name, namespace: 'a' }, spec: of });

test('PodSecurity refuses a pod and notes it in the audit event', async () => {
  const annotated: Record<string, string> = {};
  const { plugin } = setUp({ enforce: 'baseline', audit: 'restricted' });
  assert.equal(
    await refused(plugin, write(pods, { object: pod(PRIVILEGED), annotated })),
    'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)',
  );
  assert.equal(annotated['pod-security.kubernetes.io/enforce-policy'], 'baseline:latest');
  assert.match(
    annotated['pod-security.kubernetes.io/audit-violations'] ?? '',
    /^would violate PodSecurity "restricted:latest": host namespaces/,
  );
});

test('PodSecurity warns of pods and of what makes pods', async () => {
  const { plugin } = setUp({ enforce: 'privileged', warn: 'baseline' });
  const warned: string[] = [];
  assert.equal(await refused(plugin, write(pods, { object: pod(PRIVILEGED), warned })), undefined);
  const object = { metadata: { name: 'd', namespace: 'a' }, spec: { template: { metadata: {}, spec: PRIVILEGED } } };
  assert.equal(await refused(plugin, write(deployments, { object, warned })), undefined);
  assert.deepEqual(
    warned,
    Array.from({ length: 2 }, () => 'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'),
  );
});

test('PodSecurity enforces nothing on controllers', async () => {
  const { plugin } = setUp({ enforce: 'baseline' });
  const object = { metadata: { name: 'd', namespace: 'a' }, spec: { template: { metadata: {}, spec: PRIVILEGED } } };
  assert.equal(await refused(plugin, write(deployments, { object })), undefined);
});

test('PodSecurity looks at updates that change an image or add a debug container', async () => {
  const { plugin } = setUp({ enforce: 'baseline' });
  const change = (next: object, subresource = '') =>
    refused(plugin, write(pods, { object: pod({ ...PRIVILEGED, ...next }), oldObject: pod(PRIVILEGED), subresource }));
  assert.equal(await change({ activeDeadlineSeconds: 5 }), undefined);
  assert.match((await change({ containers: [{ ...container('c'), image: 'y' }] })) ?? '', /violates PodSecurity/);
  assert.match((await change({ ephemeralContainers: [container('e')] }, 'ephemeralcontainers')) ?? '', /violates PodSecurity/);
  assert.equal(await change({ containers: [{ ...container('c'), image: 'y' }] }, 'status'), undefined);
});

test('PodSecurity exempts users, namespaces and runtime classes', async () => {
  const attributes = write(pods, { object: pod({ ...PRIVILEGED, runtimeClassName: 'vm' }) });
  for (const exemptions of [{ usernames: ['jane'] }, { namespaces: ['a'] }, { runtimeClasses: ['vm'] }]) {
    assert.equal(await refused(setUp({ enforce: 'baseline' }, { exemptions }).plugin, attributes), undefined);
  }
});

test('PodSecurity refuses wrong labels of a namespace, but not those that were wrong before', async () => {
  const { plugin } = setUp({});
  const wrong = { metadata: { name: 'a', labels: labels({ enforce: 'tight' }) } };
  const message =
    'Namespace "a" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "tight": must be one of privileged, baseline, restricted';
  assert.equal(await refused(plugin, write(namespaces, { object: wrong })), message);
  assert.equal(await refused(plugin, write(namespaces, { object: wrong, oldObject: { metadata: { name: 'a' } } })), message);
  assert.equal(await refused(plugin, write(namespaces, { object: wrong, oldObject: wrong })), undefined);
});

test('PodSecurity tells which pods a tighter namespace would not have let in', async () => {
  const { plugin, reader } = setUp({});
  for (const name of ['z', 'y', 'x']) reader.put(pods, pod(PRIVILEGED, name));
  reader.put(pods, pod(spec({}, container('c', { privileged: true })), 'w'));
  const warned: string[] = [];
  const object = { metadata: { name: 'a', labels: labels({ enforce: 'baseline' }) } };
  assert.equal(await refused(plugin, write(namespaces, { object, oldObject: { metadata: { name: 'a' } }, warned })), undefined);
  assert.deepEqual(warned, [
    'existing pods in namespace "a" violate the new PodSecurity enforce level "baseline:latest"',
    'w: privileged',
    'x (and 2 other pods): host namespaces',
  ]);
});
