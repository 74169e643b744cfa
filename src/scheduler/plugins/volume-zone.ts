// pure
// Volumes that say their zone by labels, as they did before node affinity, are used in that zone. Source: plugins/volumezone.
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { className } from '#api/volumes.ts';
import { ACTION, clusterEvent } from '../framework/cluster-event.ts';
import type { Plugin, QueueingHint } from '../framework/plugin.ts';
import { UNLIKE_ANY } from '../framework/profile.ts';
import { type Status, unresolvable } from '../framework/status.ts';
import { PLUGIN } from './names.ts';
import type { Storage } from './volume-binding/storage.ts';

const CONFLICT = unresolvable(PLUGIN.volumeZone, 'node(s) had no available volume zone');

/** Old names and the names nodes may have instead. Source: topologyLabels, translateToGALabel. */
const TODAY: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': LABEL.zone,
  'failure-domain.beta.kubernetes.io/region': LABEL.region,
  [LABEL.zone]: LABEL.zone,
  [LABEL.region]: LABEL.region,
};

interface Place {
  readonly key: string;
  readonly values: ReadonlySet<string>;
}

/** `a__b`: in either. Source: LabelZonesToSet. */
function placesOf({ metadata }: PersistentVolume): readonly Place[] {
  return Object.keys(TODAY).flatMap((key) => {
    const label = metadata.labels?.[key];
    if (label === undefined) return [];
    const values = label.split('__').map((value) => value.trim());
    // A label that says nothing sensible is not looked at.
    return values.includes('') ? [] : [{ key, values: new Set(values) }];
  });
}

export function volumeZone(storage: Storage): Plugin {
  return {
    name: PLUGIN.volumeZone,
    events: [
      { event: clusterEvent('storage.k8s.io/StorageClass', ACTION.Add), hint: afterClassAdded },
      { event: clusterEvent('Node', ACTION.Add | ACTION.UpdateNodeLabel) },
      { event: clusterEvent('PersistentVolumeClaim', ACTION.Add | ACTION.Update), hint: afterClaimChange },
      { event: clusterEvent('PersistentVolume', ACTION.Add | ACTION.Update), hint: afterVolumeChange },
    ],
    sign(pod) {
      const found = placesOfPod(pod, storage);
      if ('code' in found) return UNLIKE_ANY;
      return found.length === 0 ? undefined : found.map(({ key, values }) => [key, ...values]);
    },
    preFilter({ pod }, cluster) {
      const places = placesOfPod(pod, storage);
      if ('code' in places) return { kind: 'rejected', status: places };
      if (places.length === 0) return { kind: 'skip' };
      const check = (slot: number): Status | undefined => (isIn(cluster.nodes[slot] as Node, places) ? undefined : CONFLICT);
      return { kind: 'filter', filter: { scope: 'node', check } };
    },
  };
}

function placesOfPod({ metadata, spec }: Pod, storage: Storage): readonly Place[] | Status {
  const places: Place[] = [];
  for (const { persistentVolumeClaim } of spec.volumes ?? []) {
    if (persistentVolumeClaim === undefined) continue;
    const found = placesOfClaim(metadata.namespace, persistentVolumeClaim.claimName, storage);
    if ('code' in found) return found;
    places.push(...found);
  }
  return places;
}

/** None for a claim that waits for its consumer. Source: getPVbyPod. */
function placesOfClaim(namespace: string, name: string, storage: Storage): readonly Place[] | Status {
  const refuse = (reason: string): Status => unresolvable(PLUGIN.volumeZone, reason);
  if (name === '') return refuse('PersistentVolumeClaim had no name');
  const claim = storage.claim(namespace, name);
  if (claim === undefined) return refuse(`persistentvolumeclaim "${name}" not found`);
  const volumeName = claim.spec.volumeName ?? '';
  if (volumeName === '') {
    const wanted = className(claim);
    if (wanted === '') return refuse('PersistentVolumeClaim had no pv name and storageClass name');
    const storageClass = storage.storageClass(wanted);
    if (storageClass === undefined) return refuse(`storageclass.storage.k8s.io "${wanted}" not found`);
    return storageClass.volumeBindingMode === WAITS ? [] : refuse('PersistentVolume had no name');
  }
  const volume = storage.volume(volumeName);
  return volume === undefined ? refuse(`persistentvolume "${volumeName}" not found`) : placesOf(volume);
}

/** A node that says nothing of zones takes all. */
function isIn({ metadata }: Node, places: readonly Place[]): boolean {
  const labels = metadata.labels ?? {};
  if (!Object.keys(TODAY).some((key) => labels[key] !== undefined)) return true;
  return places.every(({ key, values }) => {
    const value = labels[key] ?? labels[TODAY[key] as string];
    return value !== undefined && values.has(value);
  });
}

const WAITS = 'WaitForFirstConsumer';

const afterClassAdded: QueueingHint = (_, __, current) => ((current as StorageClass).volumeBindingMode === WAITS ? 'queue' : 'skip');

const afterClaimChange: QueueingHint = ({ metadata, spec }, _, current) => {
  const { namespace, name } = (current as PersistentVolumeClaim).metadata;
  const isNamed = spec.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === name) === true;
  return namespace === metadata.namespace && isNamed ? 'queue' : 'skip';
};

/** A new one, or one that is said to be elsewhere. */
const afterVolumeChange: QueueingHint = (_, previous, current) => {
  if (previous === undefined) return 'queue';
  const [before, now] = [placesOf(previous as PersistentVolume), placesOf(current as PersistentVolume)];
  const isSame =
    before.length === now.length && before.every(({ key, values }, i) => now[i]?.key === key && sameSet(values, now[i].values));
  return isSame ? 'skip' : 'queue';
};

const sameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => a.size === b.size && a.isSubsetOf(b);
