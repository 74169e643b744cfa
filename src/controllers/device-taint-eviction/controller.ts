// Deletes pods whose devices got a NoExecute taint that their claims do not tolerate, from their driver or by a DeviceTaintRule,
// and tells in the status of rules how far that is. Source: pkg/controller/devicetainteviction.
import { isForDevice } from '#api/device-taint-rules.ts';
import { newestSlices } from '#api/resource-slices.ts';
import { devicetaintrules } from '#api/optional-resources.ts';
import { pods, resourceclaims, resourceslices } from '#api/resources.ts';
import type { DeviceTaintRule } from '#api/gen/resource-v1beta2.ts';
import type { Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { Lru } from '#base/lru.ts';
import { type Controller, type ControllerContext, type Reconcile, splitKey } from '../runtime/controller.ts';
import { evictPod } from '../runtime/evict-pod.ts';
import { type Devices, devicesOf, type Eviction, podEviction, poolOf } from './plan.ts';
import { nextCondition, type RuleCounts, STATUS_PERIOD_MS, statusDelay } from './rule-status.ts';
import { RULES_GATE, watchDevices, type World } from './world.ts';

const NAME = 'device-taint-eviction-controller';

const DISRUPTION = { reason: 'DeletionByDeviceTaintManager', message: 'Device Taint manager: deleting due to NoExecute taint' };

/** Pods that were sent away and may be looked at again. Source: maxUIDCacheEntries. */
const MAX_EVICTED = 500;

/** Its keys are those of pods, which have a slash, and of rules, which have none. */
export const deviceTaintEviction: Controller = {
  name: NAME,
  serviceAccount: NAME,
  gates: ['DRADeviceTaints'],
  reads: [resourceclaims, resourceslices, pods],
  gatedReads: { [RULES_GATE]: [devicetaintrules] },
  writes: ['pods', 'pods/status', 'devicetaintrules/status', 'events'],
  workers: 8, // Source: --concurrent-device-taint-eviction-syncs
  setUp(context) {
    /** By uid of a rule: pods that went for it. */
    const evictedFor = new Map<string, number>();
    const world = watchDevices(context, (rule) => evictedFor.delete(rule));
    const evict = evicter(context, world, evictedFor);
    const tell = teller(context, world, evictedFor);
    return (key, signal) => (key.includes('/') ? evict(key, signal) : tell(key, signal));
  },
};

const evictionOf = (pod: Pod, { claims }: World, devices: Devices, now: number): Eviction | undefined =>
  podEviction(pod, (name) => claims.get(name, pod.metadata.namespace), devices, now);

function evicter(context: ControllerContext, world: World, evictedFor: Map<string, number>): Reconcile {
  const { queue, events, clock } = context;
  const { deletions, deletionSeconds } = context.metrics.deviceTaintEviction;
  /** Pods that will have to go, by key; their uid. */
  const planned = new Map<string, string>();
  const evicted = new Lru<string, true>(MAX_EVICTED);
  const tellLater = (rules: readonly string[]): void => {
    for (const { metadata } of world.rules()) if (rules.includes(metadata.uid)) queue.addAfter(metadata.name, STATUS_PERIOD_MS);
  };
  return async (key) => {
    const pod = world.pods.byKey(key);
    if (pod === undefined) return void planned.delete(key);
    const now = clock.now();
    const { uid } = pod.metadata;
    const eviction = evictionOf(pod, world, world, now);
    if (eviction === undefined) {
      if (planned.get(key) === uid) events.event(pod, 'Normal', 'DeviceTaintManagerEviction', 'Cancelling deletion');
      planned.delete(key);
      return undefined;
    }
    if (evicted.get(uid) === true || pod.metadata.deletionTimestamp !== undefined) return undefined;
    const { due, rules } = eviction;
    planned.set(key, uid);
    tellLater(rules);
    if (due > now) return { afterMs: due - now };
    events.event(pod, 'Normal', 'DeviceTaintManagerEviction', 'Marking for deletion');
    await evictPod(pod, DISRUPTION, context);
    planned.delete(key);
    evicted.set(uid, true);
    deletions.of().add();
    deletionSeconds.of().observe((clock.now() - due) / 1000);
    for (const { metadata } of world.rules())
      if (rules.includes(metadata.uid)) evictedFor.set(metadata.uid, (evictedFor.get(metadata.uid) ?? 0) + 1);
    return undefined;
  };
}

function teller({ client, clock }: ControllerContext, world: World, evictedFor: ReadonlyMap<string, number>): Reconcile {
  return async (name) => {
    const rule = world.ruleNamed(name);
    if (rule === undefined) return undefined;
    const now = clock.now();
    const afterMs = statusDelay(rule, now);
    if (afterMs > 0) return { afterMs };
    const { uid } = rule.metadata;
    const condition = nextCondition(rule, { ...countsOf(rule, world, now), evicted: evictedFor.get(uid) ?? 0 });
    if (condition === undefined) return undefined;
    const body = {
      apiVersion: 'resource.k8s.io/v1beta2',
      kind: 'DeviceTaintRule',
      metadata: { name, uid },
      status: { conditions: [{ ...condition, lastTransitionTime: formatTime(now) }] },
    };
    try {
      await client.patch(devicetaintrules, { name }, { type: 'apply', body, fieldManager: NAME, force: true }, { subresource: 'status' });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
    return undefined;
  };
}

/** A rule that does nothing is looked at as if it sent pods away, and no other did. */
function countsOf(rule: DeviceTaintRule, world: World, now: number): Omit<RuleCounts, 'evicted'> {
  const { effect } = rule.spec.taint;
  if (effect === 'NoExecute') return { ...pendingOf(rule, world, world, now), published: 0, allocated: 0 };
  if (effect !== 'None') return { pods: 0, namespaces: 0, published: 0, allocated: 0 };
  const imagined = { ...rule, spec: { ...rule.spec, taint: { ...rule.spec.taint, effect: 'NoExecute' as const } } };
  const devices: Devices = { slicesOf: (pool) => world.slicesOf(pool), rules: () => [imagined] };
  const byPool = Map.groupBy(world.slices.list(), poolOf);
  const published = [...byPool.values()]
    .flatMap(newestSlices)
    .flatMap(({ spec: { driver, pool, devices: all = [] } }) =>
      all.filter(({ name }) => isForDevice(rule, { driver, pool: pool.name, device: name })),
    );
  const allocated = [...world.claims.list()].flatMap(devicesOf).filter((device) => isForDevice(rule, device));
  return { ...pendingOf(rule, world, devices, now), published: published.length, allocated: allocated.length };
}

function pendingOf(
  { metadata: { uid } }: DeviceTaintRule,
  world: World,
  devices: Devices,
  now: number,
): Pick<RuleCounts, 'pods' | 'namespaces'> {
  const users = new Set<string>();
  for (const { metadata, status } of world.claims.list())
    for (const { name } of status.reservedFor ?? []) users.add(`${metadata.namespace}/${name}`);
  const pending = [...users].filter((key) => {
    const pod = world.pods.byKey(key);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return false;
    return evictionOf(pod, world, devices, now)?.rules.includes(uid) === true;
  });
  return { pods: pending.length, namespaces: new Set(pending.map((key) => splitKey(key).namespace)).size };
}
