// Claims and devices as informers have them, and their events for the queue.
import { deviceclasses, resourceclaims, resourceslices } from '#api/resources.ts';
import type { DeviceClass, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';
import { ClaimTracker } from '../plugins/dynamic-resources/claim-tracker.ts';
import { type ChangeListener, listenTo, type Watched } from './change-events.ts';

export interface WatchedDevices {
  readonly claims: ClaimTracker;
  readonly deviceClass: (name: string) => DeviceClass | undefined;
  readonly slices: () => Iterable<ResourceSlice>;
  readonly synced: () => Promise<unknown>;
  /** Tells of changes from now on; gives what ends that. */
  readonly listen: (happened: ChangeListener) => () => void;
  readonly stop: () => void;
}

export function watchDevices(informers: InformerFactory): WatchedDevices {
  const claims = informers.informer(resourceclaims);
  const classes = informers.informer(deviceclasses);
  const slices = informers.informer(resourceslices);
  // Its handlers come first: when the queue hears of a change, it is counted.
  const tracker = new ClaimTracker(claims);
  const all: Watched = [
    ['resource.k8s.io/ResourceClaim', claims as Informer<never>],
    ['resource.k8s.io/DeviceClass', classes as Informer<never>],
    ['resource.k8s.io/ResourceSlice', slices as Informer<never>],
  ];
  return {
    claims: tracker,
    deviceClass: (name) => classes.get(name),
    slices: () => slices.list(),
    synced: () => Promise.all(all.map(([, informer]) => informer.synced())),
    listen: (happened) => listenTo(all, happened),
    stop: tracker.stop,
  };
}
