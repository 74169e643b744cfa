// pure
// Which volumes are deleted or emptied here, and how: a few kinds, for clusters of one machine and for tests; all others are
// the business of provisioners outside. Source: cmd/kube-controller-manager/app/plugins.go ProbeControllerVolumePlugins,
// pkg/volume/plugins.go, pkg/volume/hostpath, pkg/volume/nfs.
import { quantityValue } from '#apimachinery/quantity.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { New, PersistentVolume, Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';

type Source = 'hostPath' | 'nfs' | 'csi' | 'local';

const SOURCES: readonly Source[] = ['hostPath', 'nfs', 'csi', 'local'];

const HOST_PATH_PLUGIN = 'kubernetes.io/host-path';
/** Plugins that are known by name and delete nothing. */
const OTHER_PLUGINS: ReadonlySet<string> = new Set(['nfs', 'csi', 'local-volume'].map((name) => `kubernetes.io/${name}`));

/** Seconds that emptying may take at least, and for each GiB. Source: VolumeConfiguration defaults. */
const RECYCLING: Readonly<Partial<Record<Source, { readonly least: number; readonly perGiB: number }>>> = {
  hostPath: { least: 60, perGiB: 30 },
  nfs: { least: 300, perGiB: 30 },
};
const GIB = 2 ** 30;

const sourceOf = ({ spec }: PersistentVolume): Source | undefined => SOURCES.find((source) => spec[source] !== undefined);

export type Deleter =
  | { readonly kind: 'folder'; readonly path: string }
  /** Who made it also deletes it. */
  | { readonly kind: 'external' }
  | { readonly kind: 'none'; readonly why: string };

/** Source: findDeletablePlugin, hostPathDeleter.Delete. */
export function deleterOf(volume: PersistentVolume): Deleter {
  const provisioner = volume.metadata.annotations?.[ANNOTATION.provisionedBy] ?? '';
  if (provisioner === '') {
    const source = sourceOf(volume);
    if (source === 'hostPath') return folderOf(volume);
    const fault = source === undefined ? 'no volume plugin matched' : 'no deletable volume plugin matched';
    return { kind: 'none', why: `error getting deleter volume plugin for volume ${goQuote(volume.metadata.name)}: ${fault}` };
  }
  if (!provisioner.startsWith('kubernetes.io/')) return { kind: 'external' };
  if (provisioner === HOST_PATH_PLUGIN) return folderOf(volume);
  if (OTHER_PLUGINS.has(provisioner)) return { kind: 'none', why: 'no deletable volume plugin matched' };
  return { kind: 'none', why: `no volume plugin matched name: ${provisioner}` };
}

function folderOf({ metadata, spec: { hostPath } }: PersistentVolume): Deleter {
  if (hostPath === undefined)
    return {
      kind: 'none',
      why: `failed to create deleter for volume ${goQuote(metadata.name)}: spec.PersistentVolumeSource.HostPath is nil`,
    };
  const { path } = hostPath;
  // Validation has kept `..` out of it.
  if (!/\/tmp\/./.test(path)) return { kind: 'none', why: `host_path deleter only supports /tmp/.+ but received provided ${path}` };
  return { kind: 'folder', path };
}

export const RECYCLER_NAMESPACE = 'default';
export const recyclerName = (volume: string): string => `recycler-for-${volume}`;

/** The pod that empties the volume; undefined when there is none for its kind. Source: NewPersistentVolumeRecyclerPodTemplate. */
export function recyclerPod(volume: PersistentVolume): New<Pod> | undefined {
  const source = sourceOf(volume);
  const limits = source === undefined ? undefined : RECYCLING[source];
  if (source === undefined || limits === undefined) return undefined;
  const { hostPath, nfs, capacity } = volume.spec;
  const perSize = Math.trunc(quantityValue(capacity?.['storage']) / GIB) * limits.perGiB;
  return {
    metadata: { name: recyclerName(volume.metadata.name), namespace: RECYCLER_NAMESPACE },
    spec: {
      activeDeadlineSeconds: Math.max(limits.least, perSize),
      restartPolicy: 'Never',
      volumes: [{ name: 'vol', ...(source === 'hostPath' ? { hostPath: { path: hostPath?.path ?? '' } } : { nfs: nfs ?? {} }) }],
      containers: [
        {
          name: 'pv-recycler',
          image: 'registry.k8s.io/build-image/debian-base:bookworm-v1.0.6',
          command: ['/bin/sh'],
          args: ['-c', 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'],
          volumeMounts: [{ name: 'vol', mountPath: '/scrub' }],
        },
      ],
    },
  } as New<Pod>;
}
