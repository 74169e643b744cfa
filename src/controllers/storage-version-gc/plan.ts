// pure
// What remains of a StorageVersion when servers are gone. Source: pkg/controller/storageversiongc gc_controller.go,
// k8s.io/apiserver storageversion updater.go SetCommonEncodingVersion.
import { findCondition } from '#api/conditions.ts';
import type { ServerStorageVersion, StorageVersion, StorageVersionCondition } from '#api/gen/apiserverinternal-v1alpha1.ts';
import type { Lease } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';

const ALL_EQUAL = 'AllEncodingVersionsEqual';

/** Whether a Lease is that of an API server that lives. */
export const isIdentity = ({ metadata }: Lease): boolean => metadata.labels?.['apiserver.kubernetes.io/identity'] === 'kube-apiserver';

export type VersionPlan =
  | { readonly kind: 'steady' }
  /** No server is left that stores it. */
  | { readonly kind: 'delete' }
  | { readonly kind: 'update'; readonly status: StorageVersion['status'] };

/** `lives` says whether there is a server of that id. */
export function planVersion({ metadata, status }: StorageVersion, lives: (id: string) => boolean, now: number): VersionPlan {
  const before = status?.storageVersions ?? [];
  const storageVersions = before.filter(({ apiServerID }) => lives(apiServerID ?? ''));
  if (storageVersions.length === before.length) return { kind: 'steady' };
  if (storageVersions.length === 0) return { kind: 'delete' };
  return { kind: 'update', status: statusOf(storageVersions, { ...status, generation: metadata.generation }, now) };
}

/** The time of the condition moves with its status, and when one common version follows another. */
function statusOf(
  storageVersions: readonly ServerStorageVersion[],
  { conditions = [], commonEncodingVersion: previous, generation }: StorageVersion['status'] & { readonly generation?: unknown },
  now: number,
): StorageVersion['status'] {
  const [first] = storageVersions;
  const common = storageVersions.every(({ encodingVersion }) => encodingVersion === first?.encodingVersion)
    ? first?.encodingVersion
    : undefined;
  const status = common === undefined ? 'False' : 'True';
  const known = findCondition(conditions, ALL_EQUAL);
  const moved = known?.status !== status || (previous !== undefined && common !== undefined && previous !== common);
  const condition: StorageVersionCondition = {
    type: ALL_EQUAL,
    status,
    observedGeneration: Number(generation ?? 0),
    lastTransitionTime: moved ? formatTime(now) : (known?.lastTransitionTime ?? null),
    reason: common === undefined ? 'CommonEncodingVersionUnset' : 'CommonEncodingVersionSet',
    message: common === undefined ? 'Common encoding version unset' : 'Common encoding version set',
  };
  return {
    storageVersions,
    ...(common === undefined ? {} : { commonEncodingVersion: common }),
    conditions: [...conditions.filter(({ type }) => type !== ALL_EQUAL), condition],
  };
}
