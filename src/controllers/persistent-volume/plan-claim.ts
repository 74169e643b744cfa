// pure
// What is to become of a claim. Source: pv_controller.go syncClaim, syncUnboundClaim, syncBoundClaim.
import { selectorFromObject } from '#apimachinery/labels.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#api/types.ts';
import { bySize, className, hasAccessOf, hasAttributesOf, hasModeOf, isLargeEnough, isReservedFor, NO_PROVISIONER } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';

export interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

const normal = (reason: string, message: string): Notice => ({ type: 'Normal', reason, message });
const warning = (reason: string, message: string): Notice => ({ type: 'Warning', reason, message });

export interface ObservedClaim {
  readonly claim: PersistentVolumeClaim;
  /** The volume the claim names, if there is one. */
  readonly named: PersistentVolume | undefined;
  /** Volumes of the claim's class, and those kept for it. */
  readonly candidates: readonly PersistentVolume[];
  readonly storageClass: StorageClass | undefined;
  /** The class that claims without one get. */
  readonly defaultClass: StorageClass | undefined;
  /** Pods that use the claim and have no node yet. */
  readonly waiting: readonly Pod[];
}

export type ClaimPlan =
  | { readonly kind: 'bind'; readonly volume: PersistentVolume }
  | { readonly kind: 'pending'; readonly notice?: Notice }
  | { readonly kind: 'lost'; readonly notice: Notice }
  /** A claim that named no class before there was a default one. */
  | { readonly kind: 'assign-class'; readonly storageClass: string }
  /** Somebody outside makes the volume. */
  | { readonly kind: 'provision'; readonly provisioner: string; readonly notice: Notice };

export function planClaim(observed: ObservedClaim): ClaimPlan {
  const { claim } = observed;
  if (claim.metadata.annotations?.[ANNOTATION.bindCompleted] !== undefined) return planBound(observed);
  return (claim.spec.volumeName ?? '') === '' ? planUnnamed(observed) : planNamed(observed);
}

function planBound({ claim, named }: ObservedClaim): ClaimPlan {
  const lost = (reason: string, message: string): ClaimPlan => ({ kind: 'lost', notice: warning(reason, message) });
  if ((claim.spec.volumeName ?? '') === '')
    return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  if (named === undefined) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  if (named.spec.claimRef === undefined || named.spec.claimRef.uid === claim.metadata.uid) return { kind: 'bind', volume: named };
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** A claim that asks for one volume by name. */
function planNamed({ claim, named }: ObservedClaim): ClaimPlan {
  if (named === undefined) return { kind: 'pending' };
  if (named.spec.claimRef === undefined) {
    const fault = faultOf(named, claim);
    if (fault === undefined) return { kind: 'bind', volume: named };
    return {
      kind: 'pending',
      notice: warning('VolumeMismatch', `Cannot bind to requested volume ${goQuote(named.metadata.name)}: ${fault}`),
    };
  }
  if (isReservedFor(named, claim)) return { kind: 'bind', volume: named };
  return {
    kind: 'pending',
    notice: warning('FailedBinding', `volume ${goQuote(named.metadata.name)} already bound to a different claim.`),
  };
}

/** Source: checkVolumeSatisfyClaim. */
function faultOf(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata.deletionTimestamp !== undefined) return `the volume is marked for deletion ${goQuote(volume.metadata.name)}`;
  if (!isLargeEnough(volume, claim)) return 'requested PV is too small';
  if (className(volume) !== className(claim)) return 'storageClassName does not match';
  if (!hasAttributesOf(volume, claim)) return 'volumeAttributesClassName does not match';
  if (!hasModeOf(volume, claim)) return 'incompatible volumeMode';
  return hasAccessOf(volume, claim) ? undefined : 'incompatible accessMode';
}

function planUnnamed(observed: ObservedClaim): ClaimPlan {
  const { claim, storageClass, defaultClass, waiting } = observed;
  const delayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
  const volume = bestMatch(observed, delayed);
  if (volume !== undefined) return { kind: 'bind', volume };
  const { storageClassName } = claim.spec;
  const unclassed = storageClassName === undefined && claim.metadata.annotations?.[ANNOTATION.betaStorageClass] === undefined;
  if (unclassed && defaultClass !== undefined) return { kind: 'assign-class', storageClass: defaultClass.metadata.name };
  if (delayed && claim.metadata.annotations?.[ANNOTATION.selectedNode] === undefined)
    return { kind: 'pending', notice: consumerNotice(waiting) };
  if (className(claim) !== '') return planProvision(className(claim), storageClass);
  return {
    kind: 'pending',
    notice: normal('FailedBinding', 'no persistent volumes available for this claim and no storage class is set'),
  };
}

/** The smallest that will do, those kept for the claim first. With delayed binding only the latter: the scheduler picks. */
function bestMatch({ claim, candidates }: ObservedClaim, delayed: boolean): PersistentVolume | undefined {
  const suitable = candidates.filter(
    (volume) =>
      hasAccessOf(volume, claim) &&
      isLargeEnough(volume, claim) &&
      hasModeOf(volume, claim) &&
      hasAttributesOf(volume, claim) &&
      volume.metadata.deletionTimestamp === undefined,
  );
  const reserved = suitable.find((volume) => isReservedFor(volume, claim));
  if (reserved !== undefined || delayed) return reserved;
  const { selector } = claim.spec;
  return suitable
    .filter(
      (volume) =>
        volume.spec.claimRef === undefined &&
        volume.status.phase === 'Available' &&
        className(volume) === className(claim) &&
        (selector === undefined || selectorFromObject(selector).matches(volume.metadata.labels)),
    )
    .toSorted(bySize)[0];
}

/** Source: emitEventForUnboundDelayBindingClaim. */
function consumerNotice(waiting: readonly Pod[]): Notice {
  if (waiting.length === 0) return normal('WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  const names = waiting.map(({ metadata }) => metadata.name).toSorted((a, b) => (a < b ? -1 : 1));
  return normal('WaitForPodScheduled', `waiting for pod${names.length === 1 ? '' : 's'} ${names.join(',')} to be scheduled`);
}

/** All volumes are made by provisioners outside; none of upstream's own is left. Source: provisionClaim. */
function planProvision(name: string, storageClass: StorageClass | undefined): ClaimPlan {
  const failed = (message: string): ClaimPlan => ({ kind: 'pending', notice: warning('ProvisioningFailed', message) });
  if (storageClass === undefined) return failed(`storageclass.storage.k8s.io ${goQuote(name)} not found`);
  const { provisioner } = storageClass;
  if (provisioner === NO_PROVISIONER || provisioner.startsWith('kubernetes.io/'))
    return failed(`no volume plugin matched name: ${provisioner}`);
  const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  return { kind: 'provision', provisioner, notice: normal('ExternalProvisioning', message) };
}
