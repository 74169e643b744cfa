// Claims, slices, pods and rules as they are, and what of their changes wakes whom.
import { devicetaintrules } from '#api/optional-resources.ts';
import { pods, resourceclaims, resourceslices } from '#api/resources.ts';
import type { ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { DeviceTaintRule } from '#api/gen/resource-v1beta2.ts';
import type { Pod } from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import type { Informer, Lister } from '#client/informer-contract.ts';
import type { WorkSink } from '#client/workqueue/work-queue.ts';
import { type ControllerContext, keyOf } from '../runtime/controller.ts';
import { type Devices, devicesOf, poolOf } from './plan.ts';

/** The gate that rules stand behind. */
export const RULES_GATE = 'DRADeviceTaintRules';

const BY_POOL = 'device-pool';
const poolsOfClaim = (claim: ResourceClaim): readonly string[] => [
  ...new Set(devicesOf(claim).map(({ driver, pool }) => `${driver}/${pool}`)),
];
const poolOfSlice = (slice: ResourceSlice): readonly string[] => [poolOf(slice)];

export interface World extends Devices {
  readonly pods: Lister<Pod>;
  readonly claims: Lister<ResourceClaim>;
  readonly slices: Lister<ResourceSlice>;
  ruleNamed(name: string): DeviceTaintRule | undefined;
}

/** Wakes pods, `namespace/name`, whose claims or devices changed, and rules, by name, that did. `forget` is told uids of rules that are gone. */
export function watchDevices({ informers, queue, gates }: ControllerContext, forget: (rule: string) => void): World {
  const claims = informers.informer(resourceclaims);
  const slices = informers.informer(resourceslices);
  const podInformer = informers.informer(pods);
  const rules = gates.isOn(RULES_GATE) ? informers.informer(devicetaintrules) : undefined;
  claims.addIndex(BY_POOL, poolsOfClaim);
  slices.addIndex(BY_POOL, poolOfSlice);
  const wakeUsers = ({ metadata: { namespace }, status }: ResourceClaim): void => {
    for (const { name, apiGroup = '', resource } of status.reservedFor ?? [])
      if (apiGroup === '' && resource === 'pods') queue.add(`${namespace}/${name}`);
  };
  claims.addHandlers({
    added: wakeUsers,
    deleted: wakeUsers,
    updated(claim, before) {
      wakeUsers(claim);
      wakeUsers(before);
    },
  });
  wakeBySlices(slices, (pool) => claims.byIndex(BY_POOL, pool).forEach(wakeUsers));
  wakeByPods(podInformer, queue);
  const wakeAll = (): void => {
    for (const claim of claims.list()) wakeUsers(claim);
  };
  rules?.addHandlers({
    added(rule) {
      queue.add(rule.metadata.name);
      wakeAll();
    },
    updated(rule, before) {
      const replaced = before.metadata.uid !== rule.metadata.uid;
      if (replaced) forget(before.metadata.uid);
      else if (deepEqual(before.spec, rule.spec)) return;
      queue.add(rule.metadata.name);
      wakeAll();
    },
    deleted(rule) {
      forget(rule.metadata.uid);
      wakeAll();
    },
  });
  return {
    pods: podInformer,
    claims,
    slices,
    slicesOf: (pool) => slices.byIndex(BY_POOL, pool),
    rules: () => rules?.list() ?? [],
    ruleNamed: (name) => rules?.get(name),
  };
}

/** One without taints may bring a generation in which those before it count no more. */
function wakeBySlices(slices: Informer<ResourceSlice>, wake: (pool: string) => void): void {
  const isTainted = ({ spec }: ResourceSlice): boolean => spec.devices?.some(({ taints = [] }) => taints.length > 0) === true;
  const changed = (slice: ResourceSlice): void => {
    const pool = poolOf(slice);
    if (isTainted(slice) || slices.byIndex(BY_POOL, pool).some(isTainted)) wake(pool);
  };
  slices.addHandlers({
    added: changed,
    deleted: changed,
    updated(slice, before) {
      changed(slice);
      if (isTainted(before)) wake(poolOf(before));
    },
  });
}

/** Pods change all the time: only their node and their claims matter. */
function wakeByPods(informer: Informer<Pod>, queue: WorkSink<string>): void {
  const wake = (pod: Pod): void => {
    if ((pod.spec.resourceClaims ?? []).length > 0) queue.add(keyOf(pod));
  };
  informer.addHandlers({
    added: wake,
    deleted: wake,
    updated(pod, before) {
      const { nodeName } = before.spec;
      if (pod.spec.nodeName !== nodeName || !deepEqual(pod.status.resourceClaimStatuses, before.status.resourceClaimStatuses)) wake(pod);
    },
  });
}
