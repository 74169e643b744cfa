// pure
// Which EndpointSlices a Service should have, reached with the fewest writes: what is right stays where it is.
// Source: endpointslice reconciler.go.
import { deepEqual } from '#apimachinery/json-value.ts';
import { controllerReference } from '#api/owner-references.ts';
import type { DiscoveryV1EndpointPort as EndpointPort, Endpoint, EndpointSlice, New, OwnerReference, Service } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { DEFAULT_TUNING } from '../runtime/tuning.ts';
import { familyOf, groupOf, identitiesIn, type Target } from './target.ts';

export const MANAGED_BY = 'endpointslice-controller.k8s.io';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const HEADLESS_LABEL = 'service.kubernetes.io/headless';
const SERVICE_KIND = { group: '', version: 'v1', kind: 'Service' } as const;

export interface SlicePlan {
  readonly create: readonly New<EndpointSlice>[];
  readonly update: readonly EndpointSlice[];
  readonly delete: readonly EndpointSlice[];
  /** Endpoints that come and go. */
  readonly added: number;
  readonly removed: number;
  /** How few slices the targets would fit in. */
  readonly desired: number;
}

/** What slices are made for, and what they are to say of it. */
export interface SliceSource {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner: OwnerReference;
  readonly families: readonly ('IPv4' | 'IPv6')[];
  /** One slice stays where there are no endpoints, so that watchers can tell this from one nobody has looked at. */
  readonly keepEmpty: boolean;
  /** When what a slice says began to change, for those that measure how long it takes. */
  readonly triggerTime?: string;
  /** Slices made now would only be in the way of the garbage collector. */
  readonly isBeingDeleted?: boolean;
}

export function sourceOf(service: Service, triggerTime: string | undefined): SliceSource {
  return {
    name: service.metadata.name,
    namespace: service.metadata.namespace,
    labels: labelsOf(service),
    owner: controllerReference(service, SERVICE_KIND),
    families: addressTypes(service),
    keepEmpty: true,
    isBeingDeleted: service.metadata.deletionTimestamp !== undefined,
    ...(triggerTime === undefined ? {} : { triggerTime }),
  };
}

/** `existing` are the slices under the source's name that the controller manages; `most`: endpoints of a slice. */
export function planSlices(
  source: SliceSource,
  targets: readonly Target[],
  existing: readonly EndpointSlice[],
  most = DEFAULT_TUNING.endpointsPerSlice,
): SlicePlan {
  const { families, owner } = source;
  // Others are of a family that was given up, or of one of the same name that is gone: the collector is after those.
  const isOurs = ({ addressType, metadata }: EndpointSlice): boolean =>
    families.includes(addressType as 'IPv4' | 'IPv6') && metadata.ownerReferences?.some(({ uid }) => uid === owner.uid) === true;
  const ours = existing.filter(isOurs);
  const create: New<EndpointSlice>[] = [];
  const update: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  const wanted = Map.groupBy(
    targets.filter(({ endpoint }) => families.includes(familyOf(endpoint))),
    ({ group }) => group,
  );
  const present = Map.groupBy(ours, (slice) => groupOf(slice.addressType, slice.ports ?? []));
  let [added, removed, desired] = [0, 0, 0];

  for (const [key, slices] of present) {
    if (wanted.has(key)) continue;
    remove.push(...slices);
    for (const { endpoints } of slices) removed += endpoints?.length ?? 0;
  }
  for (const [key, group] of wanted) {
    desired += Math.ceil(group.length / most);
    const ports = (group[0] as Target).ports;
    const addressType = familyOf((group[0] as Target).endpoint);
    const plan = planGroup(group, present.get(key) ?? [], { most, labels: source.labels });
    added += plan.added;
    removed += plan.removed;
    remove.push(...plan.empty);
    for (const { slice, endpoints, changed } of plan.kept) {
      const { annotations: before = {}, ...metadata } = slice.metadata;
      const annotations = annotationsOf(source);
      const same = !changed && deepEqual(source.labels, metadata.labels) && deepEqual(withoutTrigger(annotations), withoutTrigger(before));
      if (!same) update.push({ ...slice, metadata: { ...metadata, labels: source.labels, ...some(annotations) }, endpoints });
    }
    create.push(...plan.created.map((endpoints) => newSlice(source, addressType, endpoints, ports)));
  }
  for (const family of source.keepEmpty ? families : []) {
    if ([...wanted.keys()].some((key) => key.startsWith(`${family} `))) continue;
    const empty = ours.find(
      (slice) => slice.addressType === family && (slice.endpoints ?? []).length === 0 && (slice.ports ?? []).length === 0,
    );
    if (empty === undefined) create.push(newSlice(source, family, [], []));
    else remove.splice(remove.indexOf(empty), 1);
  }
  const { made, reused, gone } = reuse(create, remove);
  return {
    create: source.isBeingDeleted === true ? [] : made,
    update: [...update, ...reused],
    delete: [...gone, ...existing.filter((slice) => !isOurs(slice))],
    added,
    removed,
    desired: Math.max(1, desired),
  };
}

interface Reuse {
  readonly made: readonly New<EndpointSlice>[];
  readonly reused: readonly EndpointSlice[];
  readonly gone: readonly EndpointSlice[];
}

/** A slice that would go becomes one that would be made: nobody sees the moment between. Source: reconciler.go finalize. */
function reuse(create: readonly New<EndpointSlice>[], remove: readonly EndpointSlice[]): Reuse {
  const made = [...create];
  const reused: EndpointSlice[] = [];
  const gone = remove.filter((slice) => {
    const at = made.findIndex(({ addressType }) => addressType === slice.addressType);
    if (at === -1) return true;
    const [{ metadata: next = {}, endpoints, ports } = {}] = made.splice(at, 1);
    const { annotations: _, ...metadata } = slice.metadata;
    const { labels, annotations } = next;
    const said = { labels, ...(annotations === undefined ? {} : { annotations }) };
    reused.push({ ...slice, metadata: { ...metadata, ...said }, endpoints, ports } as EndpointSlice);
    return false;
  });
  return { made, reused, gone };
}

interface GroupPlan {
  readonly kept: readonly { readonly slice: EndpointSlice; readonly endpoints: readonly Endpoint[]; readonly changed: boolean }[];
  readonly created: readonly (readonly Endpoint[])[];
  readonly empty: readonly EndpointSlice[];
  readonly added: number;
  readonly removed: number;
}

interface Shape {
  readonly most: number;
  /** A slice that has others is written anyway. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Endpoints stay in the slice they are in. New ones fill up slices that are written anyway; the rest goes as a whole into one
 * slice that has the room, or into new ones: the fewest writes, for each goes to every node. Source: reconcileByPortMapping.
 */
function planGroup(wanted: readonly Target[], slices: readonly EndpointSlice[], { most, labels }: Shape): GroupPlan {
  const left = new Map(wanted.map(({ id, endpoint }) => [id, endpoint]));
  let removed = 0;
  const contents = slices.map((slice) => {
    const ids = identitiesIn(slice);
    const equals = equalsIn(slice);
    const endpoints: Endpoint[] = [];
    let changed = false;
    (slice.endpoints ?? []).forEach((endpoint, i) => {
      const id = ids[i] as string;
      const next = left.get(id);
      left.delete(id);
      if (next === undefined) {
        removed++;
        changed = true;
        return;
      }
      // What says the same stays the same object: whoever compares sees it at once.
      const same = equals[i] === next || deepEqual(next, endpoint);
      if (same) equals[i] = next;
      changed ||= !same;
      endpoints.push(same ? endpoint : next);
    });
    return { slice, endpoints, changed };
  });
  const rest = [...left.values()];
  const added = rest.length;
  const isWritten = ({ slice, changed }: (typeof contents)[number]): boolean => changed || !deepEqual(labels, slice.metadata.labels);
  const byFullest = contents.filter((c) => c.endpoints.length > 0).toSorted((x, y) => y.endpoints.length - x.endpoints.length);
  for (const content of byFullest.filter(isWritten))
    content.endpoints.push(...rest.splice(0, Math.max(0, most - content.endpoints.length)));
  const created: Endpoint[][] = [];
  while (rest.length > 0) {
    const roomy = byFullest.find((content) => !isWritten(content) && content.endpoints.length + rest.length <= most);
    if (roomy === undefined) created.push(rest.splice(0, most));
    else {
      roomy.endpoints.push(...rest.splice(0));
      roomy.changed = true;
    }
  }
  return {
    kept: contents.filter((c) => c.endpoints.length > 0),
    created,
    empty: contents.filter((c) => c.endpoints.length === 0).map((c) => c.slice),
    added,
    removed,
  };
}

const equalsOf = new WeakMap<EndpointSlice, (Endpoint | undefined)[]>();

/**
 * Of each endpoint in the slice, what was wanted and found equal at the last look: a pod that did not change wants the same
 * object each time.
 */
function equalsIn(slice: EndpointSlice): (Endpoint | undefined)[] {
  let known = equalsOf.get(slice);
  if (known === undefined) equalsOf.set(slice, (known = []));
  return known;
}

function addressTypes({ spec }: Service): readonly ('IPv4' | 'IPv6')[] {
  const families = (spec.ipFamilies ?? []).filter((family) => family !== '');
  return families.length === 0 ? ['IPv4'] : families;
}

/** Source: setEndpointSliceLabels, isReservedLabelKey. */
function labelsOf({ metadata, spec }: Service): Readonly<Record<string, string>> {
  const { [HEADLESS_LABEL]: _, ...labels } = metadata.labels ?? {};
  return {
    ...labels,
    ...(spec.clusterIP === 'None' ? { [HEADLESS_LABEL]: '' } : {}),
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [SERVICE_NAME_LABEL]: metadata.name,
  };
}

type Annotations = Readonly<Record<string, string>>;

const annotationsOf = ({ annotations, triggerTime }: SliceSource): Annotations => ({
  ...annotations,
  ...(triggerTime === undefined ? {} : { [ANNOTATION.endpointsLastChange]: triggerTime }),
});

const withoutTrigger = ({ [ANNOTATION.endpointsLastChange]: _, ...rest }: Annotations): Annotations => rest;

const some = (annotations: Annotations): { readonly annotations?: Annotations } =>
  Object.keys(annotations).length === 0 ? {} : { annotations };

function newSlice(
  source: SliceSource,
  addressType: 'IPv4' | 'IPv6',
  endpoints: readonly Endpoint[],
  ports: readonly EndpointPort[],
): New<EndpointSlice> {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${source.name}-`,
      namespace: source.namespace,
      labels: source.labels,
      ...some(annotationsOf(source)),
      ownerReferences: [source.owner],
    },
    addressType,
    endpoints,
    ports,
  };
}
