import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps, events, nodes, persistentvolumeclaims, pods } from '#api/resources.ts';
import type { Node, Pod } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { fakeClient } from '#client/testing.ts';
import type { Cause } from './contract.ts';
import { explain } from './explain.ts';
import { nodeChange } from './node-change.ts';
import { insteadOf, missingBy, remediesFor } from './remedies.ts';
import { render } from './render.ts';

const containers = [{ name: 'web', image: 'example.test/tool:2', resources: { limits: { memory: '64Mi' } } }];
const pod = { metadata: { name: 'p', namespace: 'ns', uid: 'p' }, spec: { containers }, status: {} } as unknown as Pod;
const cause = (kind: Cause['kind'], text: string, summary = ''): Cause => ({
  kind,
  summary,
  container: 'web',
  evidence: [{ source: 'x', text }],
});

/** Two Secrets of which one is asked for the key. */
const PROJECTED = {
  name: 'v',
  projected: {
    sources: [
      { secret: { name: 'left', items: [{ key: 'ca.crt', path: 'ca' }] } },
      { secret: { name: 'right', items: [{ key: 'tls.ket', path: 'key' }] } },
    ],
  },
};

const probed = (probes: object): Pod =>
  ({ ...pod, spec: { containers: [{ ...containers[0], ports: [{ name: 'http', containerPort: 8080 }], ...probes }] } }) as unknown as Pod;

for (const c of [
  {
    of: cause('configuration', 'CreateContainerConfigError: configmap "setting" not found'),
    known: ['settings', 'other'],
    remedies: ['make ConfigMap setting, or name settings instead, which is there'],
  },
  { of: cause('volume', 'MountVolume.SetUp failed for volume "v" : secret "tls" not found'), known: [], remedies: ['make Secret tls'] },
  {
    of: cause('configuration', "couldn't find key levle in ConfigMap ns/settings"),
    known: ['level'],
    remedies: ['put the key levle into ConfigMap settings, or name level instead, which it has'],
  },
  {
    of: cause('volume', 'references non-existent secret key: tls.key'),
    known: [],
    remedies: ['put the key tls.key into the Secret'],
  },
  {
    of: cause('volume', 'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: app.cnf'),
    pod: { ...pod, spec: { ...pod.spec, volumes: [{ name: 'v', configMap: { name: 'settings' } }] } } as Pod,
    known: ['app.conf'],
    remedies: ['put the key app.cnf into ConfigMap settings, or name app.conf instead, which it has'],
  },
  {
    of: cause('volume', 'MountVolume.SetUp failed for volume "v" : references non-existent secret key: tls.ket'),
    pod: { ...pod, spec: { ...pod.spec, volumes: [PROJECTED] } } as unknown as Pod,
    known: ['tls.key'],
    remedies: ['put the key tls.ket into Secret right, or name tls.key instead, which it has'],
  },
  {
    of: cause('scheduling', 'Pending, class fast-sd, which is not there'),
    known: ['slow', 'fast-ssd'],
    remedies: ['make StorageClass fast-sd, or the claim anew with class fast-ssd, which is there'],
  },
  { of: cause('scheduling', 'Pending, class fast, which is not there'), known: [], remedies: ['make StorageClass fast'] },
  {
    of: cause(
      'refused',
      'Error creating: Internal error occurred: failed calling webhook "deny.example.com": failed to call webhook: Post',
    ),
    known: [],
    remedies: ['bring back what answers for webhook deny.example.com, or take it out of its configuration'],
  },
  {
    of: cause('probe', 'Readiness probe failed: Get "http://10.0.0.5:8081/": dial tcp 10.0.0.5:8081: connect: connection refused'),
    pod: probed({ readinessProbe: { httpGet: { port: 8081 } } }),
    known: [],
    remedies: ['ask port 8080 in the readiness probe of container web: it is the one that is declared, 8081 is not'],
  },
  {
    of: cause('probe', 'Liveness probe failed: dial tcp 10.0.0.5:8080: connect: connection refused'),
    pod: probed({ livenessProbe: { tcpSocket: { port: 8080 } } }),
    known: [],
    remedies: [],
  },
  {
    of: cause('probe', `Startup probe errored and resulted in unknown state: couldn't find port: "htp" in container ports`),
    pod: probed({ startupProbe: { httpGet: { port: 'htp' } } }),
    known: [],
    remedies: ['name a port of container web htp, or ask port http in its startup probe, which is there'],
  },
  {
    of: cause(
      'configuration',
      'RunContainerError: runc create failed: exec: "/bin/nosuch": stat /bin/nosuch: no such file or directory: unknown',
    ),
    known: [],
    remedies: ['name a program that the image of container web has: /bin/nosuch is not there'],
  },
  {
    of: cause('probe', 'Readiness probe errored and resulted in unknown state: exec: "check": executable file not found in $PATH: unknown'),
    known: [],
    remedies: ['name a program that the image of container web has: check is not there'],
  },
  {
    of: cause(
      'configuration',
      'CreateContainerConfigError: container has runAsNonRoot and image will run as root (pod: "p", container: web)',
    ),
    known: [],
    remedies: ['set runAsUser of container web to a user other than 0, or take an image that names one'],
  },
  {
    of: cause('refused', 'error looking up service account ns/builder: serviceaccount "builder" not found'),
    known: ['default'],
    remedies: ['make ServiceAccount builder'],
  },
  {
    of: cause('refused', 'pods "x" is forbidden: no PriorityClass with name hihg was found'),
    known: ['high'],
    remedies: ['make PriorityClass hihg, or name high instead, which is there'],
  },
  {
    of: cause('image', 'Unable to retrieve some image pull secrets (regcred, other); attempting to pull the image may not succeed.'),
    known: ['regcreds'],
    remedies: ['make Secret regcred, or name regcreds instead, which is there'],
  },
  {
    of: cause('image', 'failed to authorize: unexpected status: 401 Unauthorized'),
    known: [],
    remedies: ['name a Secret in imagePullSecrets by which the registry knows who asks'],
  },
  {
    of: { ...cause('ended', 'held by somebody'), heldBy: 'finalizers' as const },
    pod: { ...pod, metadata: { ...pod.metadata, finalizers: ['example.com/hold'] } } as Pod,
    known: [],
    remedies: ['let whoever put example.com/hold on the pod take it away, or do so if nobody is left who does'],
  },
  {
    of: { ...cause('ended', 'held by the Job controller'), heldBy: 'finalizers' as const },
    pod: { ...pod, metadata: { ...pod.metadata, finalizers: ['batch.kubernetes.io/job-tracking'] } } as Pod,
    known: [],
    remedies: ['see that the Job controller runs: it takes batch.kubernetes.io/job-tracking away once it has counted the pod'],
  },
  {
    of: { ...cause('ended', 'held by its node'), heldBy: 'unready-node' as const },
    pod: { ...pod, spec: { ...pod.spec, nodeName: 'n' } } as Pod,
    known: [],
    remedies: ['bring node n back, or, when it is shut down for good, taint it node.kubernetes.io/out-of-service=nodeshutdown:NoExecute'],
  },
  { of: cause('ended', 'held by a container'), known: [], remedies: [] },
  {
    of: cause('image', 'ErrImagePull'),
    known: ['example.test/tool:1', 'example.test/tool@sha256:1', 'example.test/other:2'],
    remedies: ['name image example.test/tool:1, which the node has'],
  },
  {
    of: cause('image', 'ErrImagePull'),
    known: ['example.test/tools:2'],
    remedies: ['name image example.test/tools:2, which the node has'],
  },
  {
    of: cause('image', 'ErrImagePull'),
    known: ['example.test/tool:1', 'example.test/tool:2'],
    remedies: ['set imagePullPolicy IfNotPresent, as the node has image example.test/tool:2'],
  },
  { of: cause('image', 'ErrImagePull'), known: ['registry.k8s.io/pause:3.9'], remedies: [] },
  {
    of: cause('crash', 'exit code 137 (OOMKilled)', 'container web was killed: it used more memory than its limit'),
    known: [],
    remedies: ['raise the memory limit of container web, which is 64Mi'],
  },
  {
    of: cause('refused', 'exceeded quota: q, requested: cpu=600m,pods=1, used: cpu=600m,pods=5, limited: cpu=1,pods=5'),
    known: [],
    remedies: [
      'raise cpu of ResourceQuota q from 1 to 1200m, or ask for 200m less',
      'raise pods of ResourceQuota q from 5 to 6, or ask for 1 less',
    ],
  },
  {
    of: cause('refused', 'failed quota: q: must specify limits.cpu for: a,b; requests.cpu for: a'),
    known: [],
    remedies: [
      'set limits.cpu of a,b (ResourceQuota q counts it), or let a LimitRange do so',
      'set requests.cpu of a (ResourceQuota q counts it), or let a LimitRange do so',
    ],
  },
]) {
  test(`remedies against ${c.of.summary} ${c.of.evidence[0]?.text}`, () => {
    const about = 'pod' in c ? c.pod : pod;
    const missing = missingBy(c.of, about);
    assert.deepEqual([...(missing === undefined ? [] : insteadOf(missing, c.known)), ...remediesFor(c.of, about)], c.remedies);
  });
}

test('nodeChange names who cordoned a node, and when', () => {
  const managedFields = [
    { manager: 'kubelet', time: '2026-01-01T00:00:09Z', fieldsV1: { 'f:status': {} } },
    { manager: 'kubectl-cordon', time: '2026-01-01T00:00:05Z', fieldsV1: { 'f:spec': { 'f:unschedulable': {} } } },
  ];
  const node = { metadata: { name: 'n', managedFields }, spec: { unschedulable: true } } as unknown as Node;
  assert.deepEqual(nodeChange(node, 'NodeUnschedulable'), {
    object: 'Node n, by kubectl-cordon',
    time: '2026-01-01T00:00:05Z',
    differences: ['spec.unschedulable: (none) → true'],
  });
  assert.equal(nodeChange(node, 'TaintToleration'), undefined);
});

function askAbout(prepare: (server: ReturnType<typeof fakeClient>['server']) => void) {
  const { client, server } = fakeClient();
  prepare(server);
  return explain('ns', 'p', { client, log: () => Promise.resolve(''), clock: new ManualClock(), ids: seededIds(1), logger: silentLogger });
}

test('explain names the key that was meant', async () => {
  const waiting = { reason: 'CreateContainerConfigError', message: "couldn't find key levle in ConfigMap ns/settings" };
  const explanation = await askAbout((server) => {
    server.seed(nodes, { metadata: { name: 'n' }, spec: {}, status: {} } as never);
    server.seed(configmaps, { metadata: { name: 'settings', namespace: 'ns' }, data: { level: 'high' } } as never);
    const containerStatuses = [{ name: 'web', image: 'i', ready: false, restartCount: 0, state: { waiting } }];
    server.seed(pods, { ...pod, spec: { ...pod.spec, nodeName: 'n' }, status: { phase: 'Pending', containerStatuses } } as never);
  });
  assert.match(
    render(explanation),
    /What would help:\n {2}put the key levle into ConfigMap settings, or name level instead, which it has\n/,
  );
});

test('explain of a volume whose ConfigMap lacks a key tells which one it has', async () => {
  const explanation = await askAbout((server) => {
    server.seed(nodes, { metadata: { name: 'n' }, spec: {}, status: {} } as never);
    server.seed(configmaps, { metadata: { name: 'settings', namespace: 'ns' }, data: { 'app.conf': 'x' } } as never);
    const volumes = [{ name: 'v', configMap: { name: 'settings', items: [{ key: 'app.cnf', path: 'a' }] } }];
    const message = 'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: app.cnf';
    server.seed(events, {
      metadata: { name: 'e', namespace: 'ns' },
      ...{ involvedObject: { uid: 'p' }, reason: 'FailedMount', message, lastTimestamp: '2026-01-01T00:00:05Z' },
    } as never);
    server.seed(pods, { ...pod, spec: { ...pod.spec, nodeName: 'n', volumes }, status: { phase: 'Pending' } } as never);
  });
  assert.deepEqual(explanation.remedies, ['put the key app.cnf into ConfigMap settings, or name app.conf instead, which it has']);
});

test('explain of a pod that waits for a claim tells what the claim waits for', async () => {
  const explanation = await askAbout((server) => {
    server.seed(nodes, { metadata: { name: 'n' }, spec: {}, status: { allocatable: { cpu: '4', pods: '9' } } } as never);
    const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', resources: { requests: { storage: '1Gi' } } };
    server.seed(persistentvolumeclaims, {
      metadata: { name: 'data', namespace: 'ns', uid: 'd' },
      spec,
      status: { phase: 'Pending' },
    } as never);
    const told = { involvedObject: { uid: 'd' }, reason: 'ProvisioningFailed', message: 'storageclass.storage.k8s.io "fast" not found' };
    server.seed(events, { metadata: { name: 'e', namespace: 'ns' }, ...told, lastTimestamp: '2026-01-01T00:00:05Z' } as never);
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
    server.seed(pods, {
      ...pod,
      spec: { ...pod.spec, volumes, schedulerName: 'default-scheduler' },
      status: { phase: 'Pending' },
    } as never);
  });
  assert.deepEqual(explanation.cause.evidence.slice(1), [
    { source: 'claim data', text: 'Pending, class fast, which is not there' },
    { source: 'event ProvisioningFailed of claim data', text: 'storageclass.storage.k8s.io "fast" not found' },
  ]);
  assert.deepEqual(
    explanation.placement?.smallest?.changes.map(({ text }) => text),
    ['make a PersistentVolume of 1Gi, ReadWriteOnce, class fast for claim data'],
  );
});

for (const [began, blamed] of [
  ['2026-01-01T00:00:05Z', 'Node n, by kubectl'],
  ['2026-01-01T00:00:04Z', undefined],
] as const) {
  test(`explain of a pod that waits since ${began} says that ${blamed ?? 'nobody'} cordoned its node before`, async () => {
    const explanation = await askAbout((server) => {
      const managedFields = [{ manager: 'kubectl', time: '2026-01-01T00:00:05Z', fieldsV1: { 'f:spec': { 'f:unschedulable': {} } } }];
      const status = { allocatable: { cpu: '4', pods: '9' } };
      server.seed(nodes, { metadata: { name: 'n', managedFields }, spec: { unschedulable: true }, status } as never);
      const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'x', lastTransitionTime: began }];
      server.seed(pods, {
        ...pod,
        spec: { ...pod.spec, schedulerName: 'default-scheduler' },
        status: { phase: 'Pending', conditions },
      } as never);
    });
    assert.deepEqual([explanation.placement?.smallest?.changes.length, explanation.precededBy?.object], [1, blamed]);
  });
}

test('a refusal of a mebibyte that is made to be read again and again is read once', () => {
  for (const again of ['exceeded quota: a, requested: ', ', used: ', ', limited: ', 'failed quota: s: must specify '])
    assert.ok(Array.isArray(remediesFor(cause('refused', `exceeded quota: a, requested: ${again.repeat(40_000)}\n`), pod)));
});
