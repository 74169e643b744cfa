// Volumes, classes and drivers. Source: printers.go printPersistentVolume, printStorageClass, printCSIDriver, …
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  KubeObject,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '#api/types.ts';
import { NONE, UNSET } from './cells.ts';
import { boolean, created, integer, name, printer, text, wide, type FilledColumn } from './columns.ts';
import type { TablePrinter } from './contract.ts';

/** In the order they are written. Source: helper.GetAccessModesAsString. */
const ACCESS_MODES: readonly (readonly [mode: string, short: string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

const accessModes = (modes: readonly string[] | undefined): string =>
  ACCESS_MODES.filter(([mode]) => modes?.includes(mode) === true)
    .map(([, short]) => short)
    .join(',');

/** Of old, the class stood in an annotation. Source: v1.BetaStorageClassAnnotation. */
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

const storageClass = <T extends Pick<KubeObject, 'metadata'> & { readonly spec: { readonly storageClassName?: string } }>(
  description: string,
): FilledColumn<T> =>
  text('StorageClass', description, ({ metadata, spec }) => metadata.annotations?.[CLASS_ANNOTATION] ?? spec.storageClassName ?? '');

const phase = ({ metadata, status }: { readonly metadata: KubeObject['metadata']; readonly status: { readonly phase?: string } }): string =>
  metadata.deletionTimestamp === undefined ? (status.phase ?? '') : 'Terminating';

export const persistentVolumes: TablePrinter<PersistentVolume> = printer<PersistentVolume>([
  name,
  text('Capacity', 'Size of the volume.', ({ spec }) => spec.capacity?.['storage'] ?? '0'),
  text('Access Modes', 'How it can be mounted.', ({ spec }) => accessModes(spec.accessModes)),
  text('Reclaim Policy', 'What becomes of it when its claim is gone.', ({ spec }) => spec.persistentVolumeReclaimPolicy ?? ''),
  text('Status', 'Whether it is free, bound or released.', phase),
  text('Claim', 'Claim it is bound to.', ({ spec: { claimRef } }) =>
    claimRef === undefined ? '' : `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}`,
  ),
  storageClass<PersistentVolume>('Storage class of the volume.'),
  text('VolumeAttributesClass', 'Attributes class of the volume.', ({ spec }) => spec.volumeAttributesClassName ?? UNSET),
  text('Reason', 'Why it failed.', ({ status }) => status.reason ?? ''),
  created,
  wide(text('VolumeMode', 'File system or block device.', ({ spec }) => spec.volumeMode ?? UNSET)),
]);

export const persistentVolumeClaims: TablePrinter<PersistentVolumeClaim> = printer<PersistentVolumeClaim>([
  name,
  text('Status', 'Whether it is bound to a volume.', phase),
  text('Volume', 'Volume it is bound to.', ({ spec }) => spec.volumeName ?? ''),
  text('Capacity', 'Size of the volume.', ({ spec, status }) =>
    (spec.volumeName ?? '') === '' ? '' : (status.capacity?.['storage'] ?? '0'),
  ),
  text('Access Modes', 'How the volume can be mounted.', ({ spec, status }) =>
    (spec.volumeName ?? '') === '' ? '' : accessModes(status.accessModes),
  ),
  storageClass<PersistentVolumeClaim>('Storage class of the claim.'),
  text('VolumeAttributesClass', 'Attributes class of the claim.', ({ spec }) => spec.volumeAttributesClassName ?? UNSET),
  created,
  wide(text('VolumeMode', 'File system or block device.', ({ spec }) => spec.volumeMode ?? UNSET)),
]);

/** Source: storageutil.IsDefaultStorageClassAnnotation, BetaIsDefaultStorageClassAnnotation. */
const DEFAULT_CLASS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
/** Source: storageutil.AlphaIsDefaultVolumeAttributesClassAnnotation. */
const DEFAULT_ATTRIBUTES_CLASS = ['volumeattributesclass.alpha.kubernetes.io/is-default-class'];

const classNameColumn = (annotations: readonly string[]): FilledColumn<Pick<KubeObject, 'metadata'>> => ({
  ...name,
  cell: ({ metadata }) =>
    annotations.some((one) => metadata.annotations?.[one] === 'true') ? `${metadata.name} (default)` : metadata.name,
});

export const storageClasses: TablePrinter<StorageClass> = printer<StorageClass>([
  classNameColumn(DEFAULT_CLASS),
  text('Provisioner', 'What makes volumes of the class.', ({ provisioner }) => provisioner),
  text('ReclaimPolicy', 'What becomes of volumes when their claim is gone.', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
  text(
    'VolumeBindingMode',
    'When volumes are made: at once, or for the first pod.',
    ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate',
  ),
  text('AllowVolumeExpansion', 'Whether volumes can grow.', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
  created,
]);

export const volumeAttributesClasses: TablePrinter<VolumeAttributesClass> = printer<VolumeAttributesClass>([
  classNameColumn(DEFAULT_ATTRIBUTES_CLASS),
  text('DriverName', 'Driver the class is for.', ({ driverName }) => driverName),
  created,
]);

export const volumeAttachments: TablePrinter<VolumeAttachment> = printer<VolumeAttachment>([
  name,
  { ...text<VolumeAttachment>('Attacher', 'Driver that attaches it.', ({ spec }) => spec.attacher), format: 'name' },
  text('PV', 'Volume to attach.', ({ spec }) => spec.source.persistentVolumeName ?? ''),
  text('Node', 'Node to attach it to.', ({ spec }) => spec.nodeName),
  boolean('Attached', 'Whether it is attached.', ({ status }) => status?.attached ?? false),
  created,
]);

export const csiNodes: TablePrinter<CSINode> = printer<CSINode>([
  name,
  integer('Drivers', 'Number of drivers on the node.', ({ spec }) => (spec.drivers ?? []).length),
  created,
]);

export const csiDrivers: TablePrinter<CSIDriver> = printer<CSIDriver>([
  name,
  boolean('AttachRequired', 'Whether volumes are attached to nodes first.', ({ spec }) => spec.attachRequired ?? true),
  boolean('PodInfoOnMount', 'Whether the driver is told of the pod.', ({ spec }) => spec.podInfoOnMount ?? false),
  boolean('StorageCapacity', 'Whether the driver says how much room there is.', ({ spec }) => spec.storageCapacity ?? false),
  text('TokenRequests', 'Audiences of tokens the driver is given.', ({ spec }) =>
    spec.tokenRequests === undefined ? UNSET : spec.tokenRequests.map(({ audience }) => audience).join(','),
  ),
  boolean('RequiresRepublish', 'Whether the driver is called again and again.', ({ spec }) => spec.requiresRepublish ?? false),
  text('Modes', 'Lifecycles of volumes the driver knows.', ({ spec }) => (spec.volumeLifecycleModes ?? []).join(',') || NONE),
  created,
]);

export const csiStorageCapacities: TablePrinter<CSIStorageCapacity> = printer<CSIStorageCapacity>([
  name,
  text('StorageClassName', 'Storage class it is about.', ({ storageClassName }) => storageClassName),
  text('Capacity', 'Room that is left.', ({ capacity }) => capacity ?? UNSET),
]);
