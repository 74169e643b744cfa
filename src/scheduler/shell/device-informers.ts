// Claims and devices as informers have them, and their events for the queue.
import { deepEqual } from '#apimachinery/json-value.ts';
import { withRuleTaints } from '#api/device-taint-rules.ts';
import { devicetaintrules } from '#api/optional-resources.ts';
import { deviceclasses, resourceclaims, resourceslices } from '#api/resources.ts';
import type { DeviceClass, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { DeviceTaintRule } from '#api/gen/resource-v1beta2.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';
import { ClaimTracker } from '../plugins/dynamic-resources/claim-tracker.ts';
import { type ClassOfResource, DEVICE_CLASS_PREFIX } from '../plugins/dynamic-resources/extended-resources.ts';
import { DevicePools } from '../plugins/dynamic-resources/pools.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { type ChangeListener, listenTo, type Watched } from './change-events.ts';

export interface WatchedDevices {
  readonly claims: ClaimTracker;
  readonly deviceClass: (name: string) => DeviceClass | undefined;
  readonly classOfResource: ClassOfResource;
  readonly pools: DevicePools;
  readonly synced: () => Promise<unknown>;
  /** Tells of changes from now on; gives what ends that. */
  readonly listen: (happened: ChangeListener) => () => void;
  readonly stop: () => void;
}

export interface WatchedKinds {
  /** Whether DeviceTaintRules taint devices. */
  readonly taintRules: boolean;
}

/** `cluster` hears which nodes' answers do not hold any more. */
export function watchDevices(
  informers: InformerFactory,
  cluster: Pick<ClusterState, 'touch' | 'invalidate'>,
  { taintRules }: WatchedKinds = { taintRules: false },
): WatchedDevices {
  const claims = informers.informer(resourceclaims);
  const classes = informers.informer(deviceclasses);
  const slices = informers.informer(resourceslices);
  const rules = taintRules ? informers.informer(devicetaintrules) : undefined;
  const pools = new DevicePools();
  classes.addIndex(BY_RESOURCE, resourceOfClass);
  // Handlers of ours come first: when the queue hears of a change, it is counted. Devices that several nodes reach are asked
  // for anew by each pod.
  const removers = [
    ...followSlices(slices, rules, sliceHandlers(pools, cluster)),
    classes.addHandlers({ added: () => cluster.invalidate(), updated: () => cluster.invalidate(), deleted: () => cluster.invalidate() }),
  ];
  const tracker = new ClaimTracker(claims, (pool) => {
    const node = pools.nodeOfPool(pool);
    if (node !== undefined) cluster.touch(node);
  });
  const all: Watched = [
    ['resource.k8s.io/ResourceClaim', claims as Informer<never>],
    ['resource.k8s.io/DeviceClass', classes as Informer<never>],
    ['resource.k8s.io/ResourceSlice', slices as Informer<never>],
    // Whoever waits for a slice waits for what its taints are, too.
    ...(rules === undefined ? [] : [['resource.k8s.io/ResourceSlice', rules as Informer<never>] as const]),
  ];
  return {
    claims: tracker,
    deviceClass: (name) => classes.get(name),
    classOfResource: (resource) => classOf(resource, classes),
    pools,
    synced: () => Promise.all(all.map(([, informer]) => informer.synced())),
    listen: (happened) => listenTo(all, happened),
    stop() {
      tracker.stop();
      for (const remove of removers) remove();
    },
  };
}

interface SliceHandlers {
  added(slice: ResourceSlice): void;
  updated(slice: ResourceSlice, previous: ResourceSlice): void;
  deleted(slice: ResourceSlice): void;
}

/** Handlers see slices with the taints that rules put on them. Source: resourceslice tracker. */
function followSlices(
  slices: Informer<ResourceSlice>,
  rules: Informer<DeviceTaintRule> | undefined,
  handlers: SliceHandlers,
): readonly (() => void)[] {
  if (rules === undefined) return [slices.addHandlers(handlers)];
  /** As the handlers know them, by name. */
  const shown = new Map<string, ResourceSlice>();
  const show = (slice: ResourceSlice): void => {
    const { name } = slice.metadata;
    const [before, next] = [shown.get(name), withRuleTaints(slice, [...rules.list()])];
    shown.set(name, next);
    if (before === undefined) handlers.added(next);
    else if (next !== before && !deepEqual(next, before)) handlers.updated(next, before);
  };
  const all = (): void => {
    for (const slice of slices.list()) show(slice);
  };
  return [
    rules.addHandlers({ added: all, updated: all, deleted: all }),
    slices.addHandlers({
      added: show,
      updated: show,
      deleted({ metadata: { name } }) {
        const before = shown.get(name);
        shown.delete(name);
        if (before !== undefined) handlers.deleted(before);
      },
    }),
  ];
}

function sliceHandlers(pools: DevicePools, cluster: Pick<ClusterState, 'touch' | 'invalidate'>): SliceHandlers {
  /** With devices that several nodes reach, whose answers are kept changes too. */
  const changed = (slice: ResourceSlice, hadShared: boolean): void => {
    const { nodeName = '' } = slice.spec;
    if (nodeName === '' || hadShared || pools.hasShared) cluster.invalidate();
    else cluster.touch(nodeName);
  };
  const set = (slice: ResourceSlice, previous?: ResourceSlice): void => {
    const hadShared = pools.hasShared;
    pools.set(slice, previous);
    if (previous !== undefined) changed(previous, hadShared);
    changed(slice, hadShared);
  };
  return {
    added: (slice: ResourceSlice) => set(slice),
    updated: (slice: ResourceSlice, previous: ResourceSlice) => set(slice, previous),
    deleted(slice: ResourceSlice) {
      const hadShared = pools.hasShared;
      pools.delete(slice);
      changed(slice, hadShared);
    },
  };
}

const BY_RESOURCE = 'extended-resource';

const resourceOfClass = ({ spec }: DeviceClass): readonly string[] =>
  spec.extendedResourceName === undefined ? [] : [spec.extendedResourceName];

/** Of several the newest. Source: extendedresourcecache updateResourceName2class. */
function classOf(resource: string, classes: Informer<DeviceClass>): DeviceClass | undefined {
  if (resource.startsWith(DEVICE_CLASS_PREFIX)) return classes.get(resource.slice(DEVICE_CLASS_PREFIX.length));
  const found = classes.byIndex(BY_RESOURCE, resource);
  return found.length < 2 ? found[0] : found.toSorted(newestFirst)[0];
}

function newestFirst(a: DeviceClass, b: DeviceClass): number {
  const [first, second] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (first !== second) return first > second ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
