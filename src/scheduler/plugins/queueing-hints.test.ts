// Which changes send a refused pod back to the queue: nothing less, or it waits for minutes; nothing more, or every event
// tries every pod.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everything } from '#apimachinery/labels.ts';
import type { Node, Pod } from '#api/types.ts';
import { ACTION, clusterEvent, type ClusterEvent, matchesEvent, nodeChanges, podChanges } from '../framework/cluster-event.ts';
import type { Plugin } from '../framework/plugin.ts';
import { node, pod } from '../testing.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { taintToleration } from './taint-toleration.ts';

/** Whether any event of a change, told as the informers tell it, makes the plugin want the pod to be tried again. */
function answers(plugin: Plugin, refused: Pod, events: readonly ClusterEvent[], previous: unknown, current: unknown): boolean {
  return events.some((event) =>
    (plugin.events ?? []).some(
      ({ event: registered, hint }) => matchesEvent(registered, event) && (hint?.(refused, previous, current) ?? 'queue') === 'queue',
    ),
  );
}

type Change =
  | { readonly pod: Pod; readonly previous?: Pod; readonly node?: never; readonly gone?: never }
  | { readonly gone: Pod; readonly pod?: never; readonly node?: never }
  | { readonly node: Node; readonly previous?: Node; readonly pod?: never; readonly gone?: never }
  | { readonly deviceClass: object; readonly previous?: object; readonly pod?: never; readonly node?: never; readonly gone?: never };

function wakes(plugin: Plugin, refused: Pod, change: Change): boolean {
  if (change.gone !== undefined) return answers(plugin, refused, [clusterEvent('AssignedPod', ACTION.Delete)], change.gone, undefined);
  if (change.node !== undefined) {
    const { node: now, previous } = change;
    const events = previous === undefined ? [clusterEvent('Node', ACTION.Add)] : nodeChanges(now, previous);
    return answers(plugin, refused, events, previous, now);
  }
  if (change.pod !== undefined) {
    const { pod: now, previous } = change;
    const events = previous === undefined ? [clusterEvent('AssignedPod', ACTION.Add)] : podChanges(now, previous);
    return answers(plugin, refused, events, previous, now);
  }
  const { deviceClass, previous } = change;
  const action = previous === undefined ? ACTION.Add : ACTION.Update;
  return answers(plugin, refused, [clusterEvent('resource.k8s.io/DeviceClass', action)], previous, deviceClass);
}

const GPU = 'example.com/gpu';
const fit = nodeResourcesFit(undefined, (resource) => resource === GPU);
const room = (allocatable: Readonly<Record<string, string>>, name = 'n') =>
  node(name, { status: { allocatable: { cpu: '1', memory: '1Gi', pods: '9', ...allocatable } } });
const running = (name: string, requests: Readonly<Record<string, string>>) => pod(name, requests, { nodeName: 'n' });
const deviceClass = (name: string, extendedResourceName?: string) => ({ metadata: { name }, spec: { extendedResourceName } });
const IMPLIED = 'deviceclass.resource.kubernetes.io/card';

const taint = (key: string) => ({ key, effect: 'NoSchedule' as const });
const tolerating = (...keys: readonly string[]) => pod('p', {}, { tolerations: keys.map((key) => ({ key, operator: 'Exists' as const })) });
const tainted = (...keys: readonly string[]) => node('n', { spec: { taints: keys.map(taint) } });
const cordoned = (unschedulable: boolean) => node('n', { spec: { unschedulable } });
const CORDON = 'node.kubernetes.io/unschedulable';
const labelled = (labels: Readonly<Record<string, string>>) => node('n', { metadata: { labels } });
const wantsDisk = pod('p', {}, { nodeSelector: { disk: 'ssd' } });
const enforcing = nodeAffinity({
  addedAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'pool', operator: 'Exists' }] }],
    },
  },
});
const onPort = (name: string, hostPort: number, hostIP = '', nodeName = 'n') =>
  pod(name, {}, { nodeName, containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 1, hostPort, hostIP, protocol: 'TCP' }] }] });

const affinity = interPodAffinity(() => ({}));
const beside = (kind: 'podAffinity' | 'podAntiAffinity', topologyKey: string): Pod => {
  const terms = [{ topologyKey, labelSelector: { matchLabels: { app: 'web' } } }];
  return pod('p', {}, { affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: terms } } } as never);
};

const spread = podTopologySpread(() => everything);
const spreading = (topologyKey: string, more: object = {}, metadata: object = {}): Pod => {
  const constraint = { maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'web' } } };
  return pod('p', {}, { topologySpreadConstraints: [{ ...constraint, ...more }] } as never, { metadata } as never);
};
const app = (name: string, on = 'n') => pod('q', {}, { nodeName: on }, { metadata: { labels: { app: name } } });
const zoned = (labels: Readonly<Record<string, string>>, ...taints: readonly string[]) =>
  node('n', { metadata: { labels }, spec: { taints: taints.map(taint) } });
const tolerant = (of: Pod): Pod => ({ ...of, spec: { ...of.spec, tolerations: [{ key: 'a', operator: 'Exists' }] } });
const honoring = spreading('zone', { nodeTaintsPolicy: 'Honor' });

const CASES: readonly (readonly [plugin: Plugin, refused: Pod, change: Change, wakes: boolean, what: string])[] = [
  [fit, pod('p', { cpu: '1' }), { gone: running('q', { cpu: '1' }) }, true, 'a pod left its node'],
  [fit, pod('p', { cpu: '1' }), { gone: pod('q', { cpu: '1' }) }, false, 'a pod went that was on no node'],
  [
    fit,
    pod('p', { cpu: '1' }),
    { gone: pod('q', { cpu: '1' }, {}, { status: { nominatedNodeName: 'n' } }) },
    true,
    'a pod went for which room was kept',
  ],
  [fit, pod('p', { cpu: '1' }), { pod: running('q', { cpu: '1' }), previous: running('q', { cpu: '2' }) }, true, 'a pod needs less'],
  [fit, pod('p', { cpu: '1' }), { pod: pod('q', { cpu: '1' }), previous: pod('q', { cpu: '2' }) }, false, 'a pod on no node needs less'],
  [
    fit,
    pod('p', { cpu: '1' }),
    { pod: running('q', { memory: '1Gi' }), previous: running('q', { memory: '2Gi' }) },
    false,
    'a pod needs less of what nobody wants',
  ],
  [fit, pod('p', { cpu: '1' }), { pod: pod('p', { cpu: '1' }), previous: pod('p', { cpu: '2' }) }, true, 'the pod itself asks for less'],
  [fit, pod('p', { cpu: '1' }), { node: room({}) }, true, 'a node came that is large enough'],
  [fit, pod('p', { cpu: '2' }), { node: room({}) }, false, 'a node came that is too small'],
  [fit, pod('p', { cpu: '1' }), { node: room({ cpu: '2' }), previous: room({}) }, true, 'a node has more of what is wanted'],
  [fit, pod('p', { cpu: '1' }), { node: room({ memory: '2Gi' }), previous: room({}) }, false, 'a node has more of something else'],
  [fit, pod('p', { cpu: '1' }), { node: room({ pods: '10' }), previous: room({}) }, true, 'a node takes more pods'],
  [fit, pod('p'), { node: room({ cpu: '2' }), previous: room({}) }, false, 'a node has more for a pod that wants nothing'],
  [fit, pod('p', { cpu: '1', [GPU]: '1' }), { node: room({}) }, true, 'a node came whose devices may do'],
  [fit, pod('p', { cpu: '1', 'example.com/fpga': '1' }), { node: room({}) }, false, 'a node came without what is wanted'],
  [fit, pod('p', { cpu: '2', [GPU]: '2' }), { node: room({ cpu: '2', [GPU]: '1' }) }, false, 'a node came that has too few by itself'],
  [
    fit,
    pod('p', { cpu: '1', [GPU]: '1' }),
    { node: room({ memory: '2Gi' }), previous: room({}) },
    true,
    'a node changed whose devices may do',
  ],
  [fit, pod('p', { [GPU]: '1' }), { deviceClass: deviceClass('card', GPU) }, true, 'a class came for what is wanted'],
  [fit, pod('p', { [IMPLIED]: '1' }), { deviceClass: deviceClass('card') }, true, 'the class came that is wanted by its name'],
  [
    fit,
    pod('p', { [IMPLIED]: '1' }),
    { deviceClass: deviceClass('card', GPU), previous: deviceClass('card') },
    false,
    'the class wanted by its name got another besides',
  ],
  [
    fit,
    pod('p', { [GPU]: '1' }),
    { deviceClass: deviceClass('card', GPU), previous: deviceClass('card', GPU) },
    false,
    'a class is for the same',
  ],
  [nodePorts, onPort('p', 80, '', ''), { gone: onPort('q', 80) }, true, 'the port is free'],
  [nodePorts, onPort('p', 80, '', ''), { gone: onPort('q', 81) }, false, 'another port is free'],
  [nodePorts, onPort('p', 80, '10.0.0.1', ''), { gone: onPort('q', 80, '10.0.0.2') }, false, 'the port of another address is free'],
  [nodePorts, onPort('p', 80, '10.0.0.1', ''), { gone: onPort('q', 80) }, true, 'the port of all addresses is free'],
  [nodePorts, onPort('p', 80, '', ''), { gone: onPort('q', 80, '', '') }, false, 'a pod with the port went that was on no node'],
  [taintToleration, tolerating('a'), { node: tainted('a') }, true, 'a node came whose taint is tolerated'],
  [taintToleration, tolerating('a'), { node: tainted('b') }, false, 'a node came whose taint is not'],
  [taintToleration, tolerating('a'), { node: tainted('a'), previous: tainted('a', 'b') }, true, 'the taint in the way was taken away'],
  [taintToleration, tolerating('a'), { node: tainted(), previous: tainted('a') }, false, 'a taint was taken away that was tolerated'],
  [taintToleration, pod('p'), { pod: tolerating('a'), previous: pod('p') }, true, 'the pod tolerates more'],
  [taintToleration, pod('other'), { pod: tolerating('a'), previous: pod('p') }, false, 'another pod tolerates more'],
  [nodeUnschedulable, pod('p'), { node: cordoned(false) }, true, 'a node came'],
  [nodeUnschedulable, pod('p'), { node: cordoned(true) }, false, 'a node came cordoned'],
  [nodeUnschedulable, pod('p'), { node: cordoned(false), previous: cordoned(true) }, true, 'a node is cordoned no more'],
  [nodeUnschedulable, pod('p'), { node: cordoned(true), previous: cordoned(false) }, false, 'a node was cordoned'],
  [nodeUnschedulable, pod('p'), { pod: tolerating(CORDON), previous: pod('p') }, true, 'the pod tolerates cordons'],
  [nodeUnschedulable, pod('p'), { pod: tolerating('a'), previous: pod('p') }, false, 'the pod tolerates something else'],
  [nodeAffinity(), wantsDisk, { node: labelled({ disk: 'ssd' }) }, true, 'a node came that matches'],
  [nodeAffinity(), wantsDisk, { node: labelled({ disk: 'hdd' }) }, false, 'a node came that does not'],
  [nodeAffinity(), wantsDisk, { node: labelled({ disk: 'ssd' }), previous: labelled({}) }, true, 'a node matches from now on'],
  [
    nodeAffinity(),
    wantsDisk,
    { node: labelled({ disk: 'ssd', a: 'b' }), previous: labelled({ disk: 'ssd' }) },
    false,
    'a node matches as before',
  ],
  [affinity, beside('podAffinity', 'zone'), { node: labelled({ zone: 'a' }) }, true, 'a node came in a place'],
  [affinity, beside('podAffinity', 'zone'), { node: labelled({ region: 'a' }) }, false, 'a node came in no such place'],
  [
    affinity,
    beside('podAffinity', 'zone'),
    { node: labelled({ zone: 'b' }), previous: labelled({ zone: 'a' }) },
    true,
    'a node is in another place',
  ],
  [affinity, beside('podAffinity', 'zone'), { node: labelled({}), previous: labelled({ zone: 'a' }) }, false, 'a node is in no place'],
  [affinity, beside('podAntiAffinity', 'zone'), { node: labelled({}) }, true, 'a node came that is away from all'],
  [affinity, beside('podAntiAffinity', 'zone'), { node: labelled({}), previous: labelled({ zone: 'a' }) }, true, 'a node left the place'],
  [
    affinity,
    beside('podAntiAffinity', 'zone'),
    { node: labelled({ zone: 'a' }), previous: labelled({}) },
    false,
    'a node came into the place',
  ],
  [spread, spreading('zone'), { pod: app('web') }, true, 'a pod of the group was placed'],
  [spread, spreading('zone'), { pod: app('db') }, false, 'a pod of another group was placed'],
  [spread, spreading('zone'), { gone: app('web') }, true, 'a pod of the group went'],
  [spread, spreading('zone'), { gone: app('web', '') }, false, 'a pod of the group went that was on no node'],
  [spread, spreading('zone'), { pod: app('db'), previous: app('web') }, true, 'a pod left the group'],
  [spread, spreading('zone'), { pod: app('cache'), previous: app('db') }, false, 'a pod changed from one other group to another'],
  [
    spread,
    spreading('zone'),
    { pod: spreading('zone', {}, { labels: { app: 'web' } }), previous: spreading('zone') },
    true,
    'the pod itself joined the group',
  ],
  [spread, honoring, { pod: tolerant(honoring), previous: honoring }, true, 'the pod tolerates more, and taints count'],
  [
    spread,
    spreading('zone'),
    { pod: tolerant(spreading('zone')), previous: spreading('zone') },
    false,
    'the pod tolerates more, and taints do not count',
  ],
  [spread, spreading('zone'), { node: zoned({ zone: 'a' }) }, true, 'a node came in a place'],
  [spread, spreading('rack'), { node: zoned({ zone: 'a' }) }, false, 'a node came in no such place'],
  [spread, spreading('zone'), { node: zoned({ zone: 'a' }), previous: zoned({}) }, true, 'a node is in a place from now on'],
  [spread, spreading('constructor'), { node: zoned({ zone: 'a' }) }, false, 'a node came without a label that objects inherit'],
  [spread, spreading('zone'), { node: zoned({}), previous: zoned({ zone: 'a' }) }, true, 'a node is in no place any more'],
  [spread, spreading('zone'), { node: zoned({ zone: 'b' }), previous: zoned({ zone: 'a' }) }, true, 'a node is in another place'],
  [spread, spreading('zone'), { node: zoned({ zone: 'a', x: 'y' }), previous: zoned({ zone: 'a' }) }, false, 'a node is where it was'],
  [spread, spreading('zone'), { node: zoned({ zone: 'a' }, 'b'), previous: zoned({ zone: 'a' }, 'a') }, true, 'a node has other taints'],
  [enforcing, wantsDisk, { node: labelled({ disk: 'ssd' }) }, false, 'a node came that the configuration forbids'],
  [enforcing, wantsDisk, { node: labelled({ disk: 'ssd', pool: 'x' }) }, true, 'a node came that the configuration allows'],
];

for (const [plugin, refused, change, expected, what] of CASES) {
  test(`${plugin.name} ${expected ? 'wakes' : 'does not wake'} a pod when ${what}`, () =>
    assert.equal(wakes(plugin, refused, change), expected));
}
