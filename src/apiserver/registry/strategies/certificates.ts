// CertificateSigningRequests, PodCertificateRequests and ClusterTrustBundles. Source: pkg/registry/certificates.
import type { ClusterTrustBundle, PodCertificateRequest } from '#api/gen/certificates-v1beta1.ts';
import { issuedNow } from '#api/validation/certificates/pod-request-status.ts';
import { Problems } from '#api/validation/problems.ts';
import type { CertificateSigningRequest } from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { formatTime } from '#apimachinery/time.ts';
import { METADATA_KEPT, METADATA_OF_STATUS } from '../status-metadata.ts';
import type { Strategy } from '../strategy.ts';

type Conditions = NonNullable<CertificateSigningRequest['status']['conditions']>;

/** Conditions that only the approval endpoint writes. */
const DECISIONS: ReadonlySet<string> = new Set(['Approved', 'Denied']);

export const certificateSigningRequestStrategy = {
  // Who asks is what the server knows of the caller, whatever the object says.
  prepareForCreate: (request, { request: { user } }) => {
    const { username: _username, uid: _uid, groups: _groups, extra: _extra, ...spec } = request.spec;
    return {
      ...request,
      spec: {
        ...spec,
        username: user.name,
        ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }),
        ...(user.groups.length === 0 ? {} : { groups: user.groups }),
        ...(user.extra === undefined || Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }),
      } as CertificateSigningRequest['spec'],
    };
  },
  prepareForUpdate: (request, old) => ({ ...request, spec: old.spec }),
  resetFields: { '': [['spec']], approval: [['spec']] },
  selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName },
  subresources: {
    status: {
      prepareForUpdate: (request, old, { clock }) => {
        const decided = (old.status.conditions ?? []).filter(({ type }) => DECISIONS.has(type));
        const others = (request.status.conditions ?? []).filter(({ type }) => !DECISIONS.has(type));
        const given = request.status.conditions ?? [];
        // An unchanged decision in the request keeps its place.
        const conditions = deepEqual(
          given.filter(({ type }) => DECISIONS.has(type)),
          decided,
        )
          ? given
          : [...decided, ...others];
        return { ...request, status: withConditions(request.status, dated(conditions, old, clock.now())) };
      },
    },
    approval: {
      prepareForUpdate: (request, old, { clock }) => ({
        ...request,
        spec: old.spec,
        status: withConditions(old.status, dated(request.status.conditions ?? [], old, clock.now())),
      }),
    },
  },
} satisfies Strategy<CertificateSigningRequest>;

function withConditions(status: CertificateSigningRequest['status'], conditions: Conditions): CertificateSigningRequest['status'] {
  const { conditions: _conditions, ...rest } = status;
  return conditions.length === 0 ? rest : { ...rest, conditions };
}

/** Fills in the times of conditions. Source: populateConditionTimestamps. */
function dated(conditions: Conditions, old: CertificateSigningRequest, now: number): Conditions {
  const before = new Map((old.status.conditions ?? []).map((condition) => [condition.type, condition]));
  return conditions.map((condition) => {
    const previous = before.get(condition.type);
    const { lastUpdateTime, lastTransitionTime } = condition;
    const moved = previous === undefined || previous.status !== condition.status;
    return {
      ...condition,
      lastUpdateTime: lastUpdateTime ?? formatTime(now),
      lastTransitionTime: lastTransitionTime ?? (moved ? formatTime(now) : previous.lastTransitionTime),
    } as typeof condition;
  });
}

export const podCertificateRequestStrategy = {
  allowUnconditionalUpdate: false,
  resetFields: METADATA_OF_STATUS,
  selectableFields: {
    'spec.signerName': ({ spec }) => spec.signerName,
    'spec.podName': ({ spec }) => spec.podName,
    'spec.nodeName': ({ spec }) => spec.nodeName,
  },
  subresources: {
    status: {
      prepareForUpdate: (request, old, { clock }) => {
        const before = old.status.conditions ?? [];
        const conditions = (request.status.conditions ?? []).map((condition, i, all) => {
          // As many of a type as there were stay what they were.
          const same = before.filter(({ type }) => type === condition.type);
          const now = all.filter(({ type }) => type === condition.type);
          if (same.length === now.length) return same[now.indexOf(condition)] as typeof condition;
          if ((condition.lastTransitionTime as string | null | undefined) !== null && condition.lastTransitionTime !== undefined)
            return condition;
          const known = same.find(({ status }) => status === condition.status)?.lastTransitionTime;
          return { ...condition, lastTransitionTime: known ?? formatTime(clock.now()) };
        });
        const status = conditions.length === 0 ? request.status : { ...request.status, conditions };
        return { ...METADATA_KEPT.prepareForUpdate(request, old), spec: old.spec, status };
      },
      validateUpdate: (request, old, { clock }) => {
        const out = new Problems();
        issuedNow(out, request, old, clock.now());
        return out.list;
      },
    },
  },
} satisfies Strategy<PodCertificateRequest>;

export const clusterTrustBundleStrategy = {
  allowUnconditionalUpdate: false,
  selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName ?? '' },
} satisfies Strategy<ClusterTrustBundle>;
