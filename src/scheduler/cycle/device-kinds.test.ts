// Pods whose claims are alike share what is known of nodes, and get the answers they would get alone, whatever happens to
// devices in between.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { seededIds } from '#base/ids.ts';
import { systemClock } from '#base/clock.ts';
import { groupResourceString, type Resource } from '#apimachinery/resource.ts';
import type { DeviceClass, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import { deviceclasses, resourceclaims, resourceslices } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import { fakeInformer } from '#client/testing.ts';
import { fitMessage } from '../framework/fit-error.ts';
import { profileOf, UNLIKE_ANY } from '../framework/profile.ts';
import { noMetrics } from '../metrics/metrics.ts';
import { ClaimWriter } from '../plugins/dynamic-resources/claim-writer.ts';
import { dynamicResources } from '../plugins/dynamic-resources/dynamic-resources.ts';
import { cel, claim, deviceClass, request, slice } from '../plugins/dynamic-resources/testing.ts';
import { nodeResourcesFit } from '../plugins/node-resources.ts';
import { watchDevices } from '../shell/device-informers.ts';
import { ClusterState } from '../state/cluster-state.ts';
import { node, pod } from '../testing.ts';
import { type Decision, PodPlacer } from './place-pod.ts';

type Pick = (count: number) => number;

const NODES = 8;
const STEPS = 400;

/** Of a device that several claims may have, one that must be made ready, and plain ones. */
function anyDevices(pick: Pick): readonly object[] {
  const plain = Array.from({ length: pick(4) }, (_, i) => ({ name: `d${i}`, attributes: { fast: { bool: pick(2) === 0 } } }));
  const shared = {
    name: 'shared',
    allowMultipleAllocations: true,
    capacity: { memory: { value: '8Gi' } },
    attributes: { fast: { bool: false } },
  };
  return pick(2) === 0 ? plain : [...plain, { ...shared, ...(pick(3) === 0 ? { bindingConditions: ['Ready'] } : {}) }];
}

let generations = 1;

function anySlice(n: number, pick: Pick): ResourceSlice {
  const generation = ++generations;
  const made = slice(`n${n}`, anyDevices(pick) as never, {
    pool: { name: `n${n}`, generation, resourceSliceCount: 1 + (pick(9) === 0 ? 1 : 0) },
  });
  return { ...made, metadata: { ...made.metadata, resourceVersion: String(generation) } };
}

const FAST = cel(`device.attributes['gpu.example.com'].fast`);
const REQUESTS = [
  () => [request('r')],
  () => [request('r', { count: 2 })],
  () => [request('r', FAST)],
  () => [request('r', { capacity: { requests: { memory: '3Gi' } } })],
  () => [request('r', { allocationMode: 'All' })],
  () => [request('r', cel(`device.attributes['gpu.example.com'].slow`))],
  () => [
    {
      name: 'r',
      firstAvailable: [
        { name: 'a', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...FAST },
        { name: 'b', deviceClassName: 'card', allocationMode: 'ExactCount', count: 1 },
      ],
    },
  ],
] as const;

function informersOf(all: readonly (readonly [Resource, unknown])[]): InformerFactory {
  const byResource = new Map(all.map(([resource, informer]) => [groupResourceString(resource), informer]));
  return { informer: (resource: Resource) => byResource.get(groupResourceString(resource)) } as unknown as InformerFactory;
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`PodKinds: pods with claims get the answers they would get alone (seed ${seed})`, () => {
    const ids = seededIds(seed);
    const pick: Pick = (count) => Math.floor(ids.fraction() * count);
    const [claims, classes, slices] = [fakeInformer<ResourceClaim>(), fakeInformer<DeviceClass>(), fakeInformer<ResourceSlice>()];
    const cluster = new ClusterState();
    for (let i = 0; i < NODES; i++) cluster.setNode(node(`n${i}`));
    const devices = watchDevices(
      informersOf([
        [resourceclaims, claims],
        [deviceclasses, classes],
        [resourceslices, slices],
      ]),
      cluster,
    );
    const deps = {
      ...devices,
      writer: new ClaimWriter({ client: {} as Client, clock: systemClock, ids, logger: silentLogger, metrics: noMetrics }),
      node: (name: string) => cluster.nodes[cluster.slotOf(name) ?? -1],
      clock: systemClock,
      ids,
      metrics: noMetrics,
      event() {},
    };
    const plugin = dynamicResources(deps);
    const fit = nodeResourcesFit(undefined, (resource) => devices.classOfResource(resource) !== undefined);
    const profile = profileOf(
      'default-scheduler',
      [fit, plugin].map((each) => ({ plugin: each, weight: 1 })),
    );
    const alone = {
      ...profile,
      score: profile.score.map((each) => ({ ...each, plugin: { ...each.plugin, mayScore: () => true, sign: () => UNLIKE_ANY } })),
    };
    const kept = new PodPlacer({ profile, cluster, fraction: () => 0 });
    const plain = new PodPlacer({ profile: alone, cluster, fraction: () => 0 });

    const placed: { readonly pod: Pod; readonly node: string }[] = [];
    const seen = new Map<string, number>();
    const summary = (decision: Decision): unknown =>
      decision.kind === 'refused' ? [fitMessage(decision.diagnosis), [...decision.plugins].toSorted()] : decision;

    classes.put(deviceClass('gpu'), deviceClass('card', { extendedResourceName: 'example.com/card' }));
    for (let i = 0; i < NODES; i++) slices.put(anySlice(i, pick));
    for (let i = 0; i < STEPS; i++) {
      const cards: Record<string, string> = pick(4) === 0 ? { 'example.com/card': String(1 + pick(2)) } : {};
      const names = Array.from({ length: pick(3) }, (_, k) => `c${i}-${k}`);
      for (const name of names) claims.put(claim(name, (REQUESTS[pick(REQUESTS.length)] as () => never)()));
      const spec: New<Pod['spec']> = { resourceClaims: names.map((name) => ({ name, resourceClaimName: name })) };
      const incoming = cluster.podInfos.of(pod(`p${i}`, { cpu: '200m', ...cards }, spec));
      const decision = plain.place(incoming);
      assert.deepEqual(summary(kept.place(incoming)), summary(decision), `pod ${i}`);
      seen.set(decision.kind, (seen.get(decision.kind) ?? 0) + 1);
      if (decision.kind === 'placed') {
        cluster.assume(incoming, decision.node);
        const placement = { pod: incoming.pod, node: decision.node };
        assert.equal(plugin.reserve?.(placement), undefined);
        placed.push(placement);
      }
      if (pick(2) === 0 && placed.length > 0) {
        const [gone] = placed.splice(pick(placed.length), 1);
        if (gone !== undefined) {
          plugin.unreserve?.(gone);
          cluster.removePod(gone.pod.metadata.uid);
        }
      }
      if (pick(10) === 0) slices.put(anySlice(pick(NODES), pick));
      if (pick(60) === 0) {
        const current = classes.get('card') as DeviceClass;
        const version = String(++generations);
        classes.put({
          ...current,
          metadata: { ...current.metadata, resourceVersion: version },
          spec: pick(2) === 0 ? FAST : { extendedResourceName: 'example.com/card' },
        } as DeviceClass);
      }
    }
    devices.stop();
    assert.ok(
      (seen.get('placed') ?? 0) > 50 && (seen.get('refused') ?? 0) > 20 && (seen.get('failed') ?? 0) > 0,
      JSON.stringify([...seen]),
    );
  });
}
