// Pods whose volumes make them like no other share what they can with their like, and get the answers they would get alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everything } from '#apimachinery/labels.ts';
import { systemClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import type { CSINode, New, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, VolumeAttachment } from '#api/types.ts';
import { ANNOTATION, LABEL } from '#api/well-known.ts';
import type { Client } from '#client/contract.ts';
import { fitMessage } from '../framework/fit-error.ts';
import { type Profile, profileOf, UNLIKE_ANY } from '../framework/profile.ts';
import { defaultPreemption } from '../plugins/default-preemption.ts';
import { interPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { nodeAffinity } from '../plugins/node-affinity.ts';
import { balancedAllocation, nodeResourcesFit } from '../plugins/node-resources.ts';
import { nodeVolumeLimits } from '../plugins/node-volume-limits.ts';
import { podTopologySpread } from '../plugins/pod-topology-spread.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import { countSpareVolumes, type Storage } from '../plugins/volume-binding/storage.ts';
import { volumeBinding } from '../plugins/volume-binding/volume-binding.ts';
import { volumeRestrictions } from '../plugins/volume-restrictions.ts';
import { volumeZone } from '../plugins/volume-zone.ts';
import { clusterOf, node, pod } from '../testing.ts';
import { type Decision, PodPlacer } from './place-pod.ts';

const DRIVER = 'disk.example';
const NODES = 16;
const STEPS = 500;

interface Disks {
  readonly claims: Map<string, PersistentVolumeClaim>;
  readonly volumes: Map<string, PersistentVolume>;
  readonly csiNodes: Map<string, CSINode>;
  readonly attachments: Map<string, VolumeAttachment>;
}

function storageOf({ claims, volumes, csiNodes, attachments }: Disks): Storage {
  const late = { metadata: { name: 'late' }, provisioner: DRIVER, volumeBindingMode: 'WaitForFirstConsumer' } as unknown as StorageClass;
  const here = {
    csiNode: (name: string) => csiNodes.get(name),
    attachments: (name: string) => [...attachments.values()].filter(({ spec }) => spec.nodeName === name),
  };
  return {
    ...here,
    claim: (_, name) => claims.get(name),
    volume: (name) => volumes.get(name),
    volumes: () => volumes.values(),
    storageClass: (name) => (name === 'late' ? late : undefined),
    driver: () => undefined,
    capacities: () => [],
    spareVolumes: (name) => countSpareVolumes(here, name),
    leastSpareVolumes: () => Math.min(...[...csiNodes.keys()].map((name) => countSpareVolumes(here, name))),
  };
}

const AFFINITIES = [undefined, { key: 'zone', values: ['z0', 'z1'] }, { key: LABEL.hostname, values: ['n3'] }] as const;

function volume(name: string, pick: (count: number) => number): PersistentVolume {
  const place = AFFINITIES[pick(AFFINITIES.length)];
  const expression = place === undefined ? [] : [{ key: place.key, operator: 'In', values: place.values }];
  return {
    metadata: { name, uid: name, ...(pick(4) === 0 ? { labels: { [LABEL.zone]: `z${pick(3)}` } } : {}) },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'late',
      csi: { driver: DRIVER, volumeHandle: pick(6) === 0 ? 'shared' : name },
      ...(place === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: expression }] } } }),
    },
    status: { phase: 'Available' },
  } as unknown as PersistentVolume;
}

/** Bound to a volume, perhaps one that is not there, or waiting for its pod. */
const claim = (name: string, pick: (count: number) => number): PersistentVolumeClaim =>
  ({
    metadata: { name, namespace: 'ns', uid: name, annotations: { [ANNOTATION.bindCompleted]: 'yes' } },
    spec: {
      storageClassName: 'late',
      accessModes: [pick(5) === 0 ? 'ReadWriteOncePod' : 'ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...(pick(3) === 0 ? {} : { volumeName: `v${pick(12)}` }),
    },
    status: { phase: 'Pending' },
  }) as unknown as PersistentVolumeClaim;

const labelSelector = { matchLabels: { app: 'a' } };
const SPECS: readonly New<Pod['spec']>[] = [
  {},
  { topologySpreadConstraints: [{ maxSkew: 2, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector }] },
  {
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, podAffinityTerm: { topologyKey: 'zone', labelSelector } }],
      },
    },
  },
];

function anyPod(i: number, pick: (count: number) => number): Pod {
  const claims = Array.from({ length: pick(3) }, (_, k) => ({
    name: `v${k}`,
    persistentVolumeClaim: { claimName: `c${pick(10)}`, readOnly: false },
  }));
  const disk = pick(12) === 0 ? [{ name: 'disk', gcePersistentDisk: { pdName: 'd', readOnly: false } }] : [];
  const spec = { ...SPECS[pick(SPECS.length)], priority: pick(3), volumes: [...claims, ...disk] };
  return pod(`p${i}`, { cpu: `${200 * (1 + pick(4))}m` }, spec, { metadata: { labels: { app: 'a' } } });
}

const anyNode = (i: number, pick: (count: number) => number) =>
  node(`n${i}`, {
    metadata: { labels: { [LABEL.hostname]: `n${i}`, zone: `z${pick(3)}`, [LABEL.zone]: `z${pick(3)}` } },
    spec: pick(5) === 0 ? { taints: [{ key: 'k', effect: 'NoSchedule' }] } : {},
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } },
  });

/** Something of storage that nobody tells the cluster state of. */
function change({ claims, volumes, csiNodes, attachments }: Disks, pick: (count: number) => number): void {
  const [c, v, n] = [`c${pick(10)}`, `v${pick(12)}`, `n${pick(NODES)}`];
  switch (pick(6)) {
    case 0:
      volumes.delete(v);
      break;
    case 1:
      volumes.set(v, volume(v, pick));
      break;
    case 2:
      claims.delete(c);
      break;
    case 3:
      claims.set(c, claim(c, pick));
      break;
    case 4: {
      const limit = pick(3) === 0 ? {} : { allocatable: { count: 1 + pick(3) } };
      csiNodes.set(n, {
        metadata: { name: n },
        spec: { drivers: [{ name: DRIVER, nodeID: n, topologyKeys: null, ...limit }] },
      } as unknown as CSINode);
      break;
    }
    default:
      attachments.set(v, { spec: { attacher: DRIVER, nodeName: n, source: { persistentVolumeName: v } } } as unknown as VolumeAttachment);
  }
}

function profileFor(storage: Storage): Profile {
  const refuse = (): never => {
    throw new Error('nothing is bound here');
  };
  const binding = {
    client: { update: refuse } as unknown as Client,
    clock: systemClock,
    storage,
    onChange: () => () => {},
    node: () => undefined,
  };
  const plugins = [
    taintToleration,
    nodeAffinity(),
    nodeResourcesFit(),
    volumeRestrictions(storage),
    nodeVolumeLimits(storage),
    volumeBinding(binding),
    volumeZone(storage),
    podTopologySpread(() => everything),
    interPodAffinity(() => ({})),
    balancedAllocation(),
  ];
  return profileOf(
    'default-scheduler',
    plugins.map((plugin) => ({ plugin, weight: 1 })),
  );
}

/** The same plugins, each of which finds every pod like no other. */
const keepingNothing = (profile: Profile): Profile => ({
  ...profile,
  score: profile.score.map((each) => ({ ...each, plugin: { ...each.plugin, sign: () => UNLIKE_ANY } })),
});

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`PodKinds: pods with volumes get the answers they would get alone (seed ${seed})`, () => {
    const ids = seededIds(seed);
    const pick = (count: number): number => Math.floor(ids.fraction() * count);
    const disks: Disks = { claims: new Map(), volumes: new Map(), csiNodes: new Map(), attachments: new Map() };
    for (let i = 0; i < 60; i++) change(disks, pick);
    const profile = profileFor(storageOf(disks));
    const cluster = clusterOf(Array.from({ length: NODES }, (_, i) => anyNode(i, pick)));
    const kept = new PodPlacer({ profile, cluster, fraction: () => 0 });
    const plain = new PodPlacer({ profile: keepingNothing(profile), cluster, fraction: () => 0 });
    const preemption = defaultPreemption({ budgets: () => [], fraction: () => 0, isPreempting: () => false });
    const summary = (decision: Decision): unknown => {
      if (decision.kind !== 'refused') return decision;
      const way = preemption.postFilter?.(decision.refusal, cluster);
      const found = way?.kind === 'nominated' ? [way.node, way.victims.map(({ uid }) => uid)] : way;
      return [fitMessage(decision.diagnosis), [...decision.plugins].toSorted(), found];
    };
    const placed: string[] = [];
    const seen = new Map<string, number>();
    for (let i = 0; i < STEPS; i++) {
      const incoming = cluster.podInfos.of(anyPod(i, pick));
      const decision = plain.place(incoming);
      assert.deepEqual(summary(kept.place(incoming)), summary(decision), `pod ${i}`);
      seen.set(decision.kind, (seen.get(decision.kind) ?? 0) + 1);
      if (decision.kind === 'placed') {
        cluster.assume(incoming, decision.node);
        placed.push(incoming.uid);
      } else if (pick(3) === 0) cluster.nominator.nominate(incoming.pod, `n${pick(NODES)}`);
      if (pick(8) === 0) cluster.nominator.remove(`p${pick(i + 1)}`);
      if (pick(2) === 0 && placed.length > 0) cluster.removePod(placed.splice(pick(placed.length), 1)[0] as string);
      if (pick(3) === 0) change(disks, pick);
      if (pick(30) === 0) cluster.setNode(anyNode(pick(NODES), pick));
    }
    assert.ok((seen.get('placed') ?? 0) > 50 && (seen.get('refused') ?? 0) > 50, JSON.stringify([...seen]));
  });
}
