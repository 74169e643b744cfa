// Volumes behind claims: those of persistentVolumeClaim, and generic ephemeral ones. What a PersistentVolume is made of,
// one of the kinds below knows.
import { statfs } from 'node:fs/promises';
import { StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '#api/types.ts';
import { claimName, notMadeFor } from '#api/volumes.ts';
import type { Client } from '#client/contract.ts';
import { containersOf } from '../pod/containers.ts';
import { exists } from './exists.ts';
import { checkHostPath } from './host-path.ts';
import { setOwnership } from './ownership.ts';
import { type MountedVolume, VolumeError, type VolumeFigures, type VolumePlugin } from './plugin.ts';

const isBlock = ({ spec }: PersistentVolume): boolean => spec.volumeMode === 'Block';

/** One kind of PersistentVolume. CSI joins as a further one. */
export interface PersistentKind {
  supports(volume: PersistentVolume): boolean;
  /** @throws VolumeError, MountError */
  setUp(request: PersistentRequest): Promise<MountedVolume>;
}

export interface PersistentRequest {
  readonly pod: Pod;
  readonly volume: PersistentVolume;
  /** The claim that has it. */
  readonly claim: PersistentVolumeClaim;
  readonly readOnly: boolean;
}

/** Source: pkg/volume metrics_statfs.go. */
async function filesystemFigures(path: string): Promise<VolumeFigures> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path);
  return {
    capacityBytes: bsize * blocks,
    availableBytes: bsize * bavail,
    usedBytes: bsize * (blocks - bfree),
    inodes: files,
    inodesFree: ffree,
    inodesUsed: files - ffree,
  };
}

/** Source: local.go, host_path.go. */
export const PERSISTENT_KINDS: readonly PersistentKind[] = [
  {
    supports: ({ spec }) => spec.local !== undefined,
    async setUp({ pod, volume, readOnly }) {
      const path = volume.spec.local?.path ?? '';
      if (!(await exists(path))) throw new VolumeError(`path ${goQuote(path)} does not exist`);
      if (isBlock(volume)) return { path, readOnly, block: true };
      // A volume that is only read stays as it is: others may share it.
      if (!readOnly) await setOwnership(path, pod, 'rw');
      return { path, readOnly, measure: () => filesystemFigures(path) };
    },
  },
  {
    supports: ({ spec }) => spec.hostPath !== undefined,
    async setUp({ volume, readOnly }) {
      const { path, type } = volume.spec.hostPath ?? { path: '', type: '' };
      if (isBlock(volume)) throw new VolumeError('no volume plugin matched');
      await checkHostPath(path, type);
      return { path, readOnly };
    },
  },
];

export function persistentPlugin(client: Client, kinds: readonly PersistentKind[]): VolumePlugin {
  return {
    name: 'kubernetes.io/persistent-volume',
    refreshes: false,
    supports: ({ persistentVolumeClaim, ephemeral }) => persistentVolumeClaim !== undefined || ephemeral !== undefined,
    async setUp({ pod, volume }) {
      const claim = await boundClaim(pod, volume, client);
      const source = await volumeOf(claim, client);
      checkUse(pod, volume, source.spec.volumeMode ?? 'Filesystem');
      const kind = kinds.find((candidate) => candidate.supports(source));
      if (kind === undefined) throw new VolumeError('no volume plugin matched');
      return kind.setUp({ pod, volume: source, claim, readOnly: volume.persistentVolumeClaim?.readOnly ?? false });
    },
  };
}

/** Source: desiredStateOfWorldPopulator createVolumeSpec. @throws VolumeError */
function checkUse({ spec }: Pod, { name }: Volume, mode: string): void {
  const containers = Array.from(containersOf(spec), ({ container }) => container);
  const isMount = containers.some(({ volumeMounts = [] }) => volumeMounts.some((each) => each.name === name));
  const isDevice = containers.some(({ volumeDevices = [] }) => volumeDevices.some((each) => each.name === name));
  if (isMount && mode !== 'Filesystem') throw new VolumeError(`volume ${name} has volumeMode ${mode}, but is specified in volumeMounts`);
  if (isDevice && mode !== 'Block') throw new VolumeError(`volume ${name} has volumeMode ${mode}, but is specified in volumeDevices`);
}

/** Source: desiredStateOfWorldPopulator getPVCExtractPV. */
async function boundClaim(pod: Pod, volume: Volume, client: Client): Promise<PersistentVolumeClaim> {
  const { namespace } = pod.metadata;
  const name = claimName(pod, volume) ?? '';
  const fail = (why: string): VolumeError => new VolumeError(`error processing PVC ${namespace}/${name}: ${why}`);
  const claim = await readOr(
    () => client.get(persistentvolumeclaims, { name, namespace }),
    (message) => fail(`failed to fetch PVC from API server: ${message}`),
  );
  if (claim.metadata.deletionTimestamp !== undefined) throw fail("can't start pod because PVC is being deleted");
  const stranger = volume.ephemeral === undefined ? undefined : notMadeFor(claim, pod);
  if (stranger !== undefined) throw fail(stranger);
  if (claim.status.phase !== 'Bound' || (claim.spec.volumeName ?? '') === '') throw fail('PVC is not bound');
  return claim;
}

/** Source: getPVSpec. */
async function volumeOf({ spec, metadata }: PersistentVolumeClaim, client: Client): Promise<PersistentVolume> {
  const name = spec.volumeName ?? '';
  const volume = await readOr(
    () => client.get(persistentvolumes, { name }),
    (message) => new VolumeError(`failed to fetch PV ${name} from API server: ${message}`),
  );
  const { claimRef } = volume.spec;
  if (claimRef === undefined)
    throw new VolumeError(`found PV object ${name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`);
  if (claimRef.uid !== metadata.uid)
    throw new VolumeError(
      `found PV object ${name} but its pv.Spec.ClaimRef.UID ${claimRef.uid ?? ''} does not point to claim.UID ${metadata.uid}`,
    );
  return volume;
}

async function readOr<T>(read: () => Promise<T>, refuse: (message: string) => VolumeError): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StatusError) throw refuse(error.message);
    throw error;
  }
}
