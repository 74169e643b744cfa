// What drivers are asked for when a volume is staged and published. Source: pkg/volume/csi csi_mounter.go SetUpAt,
// csi_attacher.go MountDevice, csi_util.go.
import type { CSIDriver } from '#api/gen/storage-v1.ts';
import type { CSIPersistentVolumeSource, PersistentVolume, Pod } from '#api/types.ts';
import { capabilityOf, withGroup } from './capability.ts';
import type { PublishRequest, StageRequest } from './csi-api.ts';
import type { DriverCalls, Words } from './driver-calls.ts';
import type { VolumeData } from './volume-data.ts';

/** `csi.storage.k8s.io/serviceAccount.tokens`: by audience. @throws StatusError, ConnectionError */
export type CsiTokens = (pod: Pod, requests: CSIDriver['spec']['tokenRequests']) => Promise<string>;

const TOKENS = 'csi.storage.k8s.io/serviceAccount.tokens';

interface Told {
  readonly volumeContext: Words;
  readonly secrets: Words;
}

export interface Wanted {
  readonly volume: PersistentVolume;
  readonly driver: CSIDriver | undefined;
  readonly can: ReadonlySet<string>;
  readonly publishContext: Words;
  readonly staging: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** All of it may fail as reads of secrets and tokens do. @throws StatusError, ConnectionError */
export class PublishRequests {
  readonly #calls: DriverCalls;
  readonly #tokens: CsiTokens;

  constructor(calls: DriverCalls, tokens: CsiTokens) {
    this.#calls = calls;
    this.#tokens = tokens;
  }

  async stage(pod: Pod, wanted: Wanted): Promise<StageRequest> {
    const source = wanted.volume.spec.csi as CSIPersistentVolumeSource;
    return {
      ...ofVolume(pod, wanted),
      volumeContext: source.volumeAttributes ?? {},
      secrets: await this.#calls.secret(source.nodeStageSecretRef),
    };
  }

  async publish(pod: Pod, wanted: Wanted): Promise<PublishRequest> {
    const { volume, driver, target, readOnly } = wanted;
    const source = volume.spec.csi as CSIPersistentVolumeSource;
    return {
      ...ofVolume(pod, wanted),
      ...(await this.context(pod, driver, 'Persistent', {
        volumeContext: source.volumeAttributes ?? {},
        secrets: await this.#calls.secret(source.nodePublishSecretRef),
      })),
      targetPath: target,
      readonly: readOnly,
    };
  }

  /** With what the driver is told of the pod. Source: podAttributes, podServiceAccountTokenAttrs. */
  async context(pod: Pod, driver: CSIDriver | undefined, mode: VolumeData['volumeLifecycleMode'], given: Told): Promise<Told> {
    const { metadata, spec } = pod;
    const info = {
      'csi.storage.k8s.io/pod.name': metadata.name,
      'csi.storage.k8s.io/pod.namespace': metadata.namespace,
      'csi.storage.k8s.io/pod.uid': metadata.uid,
      'csi.storage.k8s.io/serviceAccount.name': spec.serviceAccountName ?? '',
      'csi.storage.k8s.io/ephemeral': String(mode === 'Ephemeral'),
    };
    const requests = driver?.spec.tokenRequests ?? [];
    const tokens = requests.length === 0 ? {} : { [TOKENS]: await this.#tokens(pod, requests) };
    const inSecrets = driver?.spec.serviceAccountTokenInSecrets === true;
    return {
      volumeContext: {
        ...given.volumeContext,
        ...(driver?.spec.podInfoOnMount === true ? info : {}),
        ...(inSecrets ? {} : tokens),
      },
      secrets: inSecrets ? { ...given.secrets, ...tokens } : given.secrets,
    };
  }
}

/** What staging and publishing ask alike. */
function ofVolume(pod: Pod, { volume, can, publishContext, staging }: Wanted): Omit<StageRequest, 'secrets' | 'volumeContext'> {
  return {
    volumeId: (volume.spec.csi as CSIPersistentVolumeSource).volumeHandle,
    publishContext,
    volumeCapability: withGroup(capabilityOf(volume, can), pod, can),
    stagingTargetPath: staging,
  };
}
