import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, PodSpec } from '#api/types.ts';
import { allocationOf, judgeResize, withAllocation } from '../allocation/allocation-plan.ts';
import { container, pod } from '../testing/pods.ts';
import { admit, chooseVictims, type AdmissionInput } from './admission-plan.ts';

const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node', uid: 'n', resourceVersion: '1', creationTimestamp: '', labels: { 'kubernetes.io/os': 'linux', zone: 'a' } },
  spec: {},
  status: { allocatable: { cpu: '2', memory: '1Gi', pods: '3' } },
} as unknown as Node;
const asking = (requests: Record<string, string>, more: Partial<PodSpec> = {}, name = 'web'): Pod =>
  pod({ name, spec: { containers: [container('app', { resources: { requests } })], ...more } });
const refusal = (subject: Pod, more: Partial<AdmissionInput> = {}): string => {
  const found = admit({ pod: subject, node, others: [], pressures: [], allowedUnsafeSysctls: ['kernel.msg*'], appArmor: false, ...more });
  return found === undefined ? 'admitted' : `${found.reason}: ${found.message}`;
};
const port = (hostPort: number, hostIP?: string): Partial<PodSpec> => ({
  containers: [
    container('app', { ports: [{ containerPort: 80, hostPort, protocol: 'TCP', ...(hostIP === undefined ? {} : { hostIP }) }] }),
  ],
});
const sysctl = (name: string, more: Partial<PodSpec> = {}): Pod =>
  pod({ spec: { securityContext: { sysctls: [{ name, value: '1' }] }, ...more } });
const tainted = { ...node, spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } } as Node;

for (const [name, got, want] of [
  ['a pod that fits', refusal(asking({ cpu: '2', memory: '1Gi' })), 'admitted'],
  [
    'too much memory',
    refusal(asking({ memory: '2Gi' })),
    "OutOfmemory: Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
  ],
  [
    'CPU others have',
    refusal(asking({ cpu: '1500m' }), { others: [asking({ cpu: '1' }, {}, 'other')] }),
    "OutOfcpu: Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
  ],
  [
    'too many pods',
    refusal(pod(), { others: ['a', 'b', 'c'].map((each) => pod({ name: each })) }),
    "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
  ],
  ['an extended resource the node does not know', refusal(asking({ 'example.com/gpu': '1' })), 'admitted'],
  [
    'a selector',
    refusal(pod({ spec: { nodeSelector: { zone: 'b' } } })),
    "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  ],
  [
    'another operating system',
    refusal(pod({ spec: { nodeSelector: { 'kubernetes.io/os': 'windows' } } })),
    "PodOSSelectorNodeLabelDoesNotMatch: Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
  ],
  [
    'an operating system by field',
    refusal(pod({ spec: { os: { name: 'windows' } } })),
    "PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS",
  ],
  [
    'another node',
    refusal(pod({ spec: { nodeName: 'elsewhere' } })),
    "NodeName: Predicate NodeName failed: node(s) didn't match the requested node name",
  ],
  [
    'a port that is taken',
    refusal(pod({ spec: port(80) }), { others: [pod({ name: 'o', spec: port(80, '10.0.0.1') })] }),
    "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  ],
  [
    'a port on another address',
    refusal(pod({ spec: port(80, '10.0.0.2') }), { others: [pod({ name: 'o', spec: port(80, '10.0.0.1') })] }),
    'admitted',
  ],
  [
    'a taint',
    refusal(pod(), { node: tainted }),
    "TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
  ],
  ['a taint that is tolerated', refusal(pod({ spec: { tolerations: [{ operator: 'Exists' }] } }), { node: tainted }), 'admitted'],
  ['a taint on a static pod', refusal(pod({ annotations: { 'kubernetes.io/config.source': 'file' } }), { node: tainted }), 'admitted'],
  [
    'memory pressure, best effort',
    refusal(pod(), { pressures: ['MemoryPressure'] }),
    'Evicted: The node had condition: [MemoryPressure]. ',
  ],
  ['memory pressure, burstable', refusal(pod({ status: { qosClass: 'Burstable' } }), { pressures: ['MemoryPressure'] }), 'admitted'],
  [
    'disk pressure',
    refusal(pod({ status: { qosClass: 'Guaranteed' } }), { pressures: ['DiskPressure'] }),
    'Evicted: The node had condition: [DiskPressure]. ',
  ],
  ['disk pressure, critical', refusal(pod({ spec: { priority: 2_000_000_000 } }), { pressures: ['DiskPressure'] }), 'admitted'],
  [
    'a profile the machine cannot enforce',
    refusal(pod({ spec: { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } } })),
    'AppArmor: Cannot enforce AppArmor: AppArmor is not enabled on the host',
  ],
  ['no profile', refusal(pod({ spec: { securityContext: { appArmorProfile: { type: 'Unconfined' } } } })), 'admitted'],
  [
    'a profile',
    refusal(pod({ spec: { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } } }), { appArmor: true }),
    'admitted',
  ],
  ['a safe sysctl', refusal(sysctl('net/ipv4/ip_local_port_range')), 'admitted'],
  ['an unsafe sysctl that is allowed', refusal(sysctl('kernel.msgmax')), 'admitted'],
  ['an unsafe sysctl', refusal(sysctl('vm.swappiness')), 'SysctlForbidden: forbidden sysctl: "vm.swappiness" not allowlisted'],
  [
    'a sysctl of the host',
    refusal(sysctl('net.ipv4.tcp_syncookies', { hostNetwork: true })),
    'SysctlForbidden: forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  ],
] as const) {
  test(`admit judges ${name}`, () => assert.equal(got, want));
}

test('chooseVictims ends as few pods of the lowest class and priority as are needed', () => {
  const others = [
    asking({ cpu: '300m' }, { priority: 5 }, 'a'),
    asking({ cpu: '500m' }, { priority: 1 }, 'b'),
    asking({ cpu: '900m' }, { priority: 1 }, 'c'),
    asking({ cpu: '900m' }, { priority: 2_000_000_000 }, 'd'),
  ];
  const critical = asking({}, { priority: 2_000_000_000 });
  const choose = (requested: number): string | undefined =>
    chooseVictims(critical, others, { resource: 'cpu', requested, used: 2000, capacity: 2000 })
      ?.map(({ metadata }) => metadata.name)
      .join();
  assert.deepEqual([choose(500), choose(1000), choose(1700), choose(1701)], ['c', 'c,b', 'c,b,a', undefined]);
});

const sized = (cpu: string, more: Parameters<typeof pod>[0] = {}): Pod =>
  pod({ ...more, spec: { containers: [container('app', { resources: { requests: { cpu } } })] } });

test('judgeResize grants, defers or refuses a change', () => {
  const given = allocationOf(sized('500m'));
  const judge = (cpu: string, others: readonly Pod[] = []): unknown => {
    const verdict = judgeResize(sized(cpu), given, node, others);
    return verdict.kind === 'pending' ? `${verdict.reason}: ${verdict.message}` : verdict.kind;
  };
  assert.equal(judge('0.5'), 'none');
  assert.equal(judge('1'), 'grant');
  assert.equal(
    judge('1500m', [sized('1', { name: 'o' })]),
    "Deferred: Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
  );
  assert.equal(judge('3'), "Infeasible: Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000");
});

test('judgeResize refuses a guaranteed pod what a static policy gave it for good', () => {
  const guaranteed = (cpu: string, memory: string): Pod => {
    const list = { cpu, memory };
    const resources = { requests: list, limits: list };
    return pod({ spec: { containers: [container('app', { resources })] }, status: { qosClass: 'Guaranteed' } });
  };
  const given = allocationOf(guaranteed('1', '1Mi'));
  const judge = (wanted: Pod, cpu: boolean, memory: boolean): unknown => {
    const verdict = judgeResize(wanted, given, node, [], { cpu, memory });
    return verdict.kind === 'pending' ? `${verdict.reason}: ${verdict.message}` : verdict.kind;
  };
  const refusal = (name: string): string => `Infeasible: Resize is infeasible for Guaranteed Pods alongside ${name} Manager static policy`;
  assert.equal(judge(guaranteed('2', '1Mi'), true, false), refusal('CPU'));
  assert.equal(judge(guaranteed('1', '2Mi'), true, true), refusal('Memory'));
  assert.equal(judge(guaranteed('2', '1Mi'), false, true), 'grant');
  assert.equal(judge(sized('2'), true, true), 'grant', 'of another class');
});

test('withAllocation gives nothing to a container that no allocation names, whatever its own name', () => {
  const requests = { cpu: '1' };
  const wanted = pod({ spec: { containers: [container('constructor', { resources: { requests } })] } });
  assert.deepEqual(withAllocation(wanted, { allocated: {} }).spec.containers[0]?.resources, { requests });
});

test('withAllocation shows a pod with what it was given', () => {
  const wanted = sized('2');
  assert.equal(withAllocation(wanted, undefined), wanted);
  assert.equal(withAllocation(wanted, allocationOf(sized('2'))), wanted);
  assert.equal(withAllocation(wanted, allocationOf(sized('1'))).spec.containers[0]?.resources?.requests?.['cpu'], '1');
});
