// pure
// Volumes of plugins that once were built in, and the CSI drivers that attach them now. Source: csi-translation-lib plugins.
import type { PersistentVolume, Volume } from './gen/core-v1.ts';

export type VolumeSource = Volume | PersistentVolume['spec'];

interface StandIn {
  readonly driver: string;
  /** What classes name as their provisioner. */
  readonly plugin: string;
  /**
   * By what the driver knows the volume; undefined when the source is not of this kind. Only drivers have it whose volumes the
   * limits of a node count. Source: nodevolumelimits isCSIMigrationOn.
   */
  readonly handleOf?: (source: VolumeSource) => string | undefined;
}

/** By the field of the source. */
const STAND_INS: Readonly<Record<string, StandIn>> = {
  awsElasticBlockStore: {
    driver: 'ebs.csi.aws.com',
    plugin: 'kubernetes.io/aws-ebs',
    // `aws://ZONE/vol-1` is vol-1.
    handleOf: ({ awsElasticBlockStore: source }) => source?.volumeID.replace(/^aws:\/\/[^/]*\/+/, ''),
  },
  azureDisk: {
    driver: 'disk.csi.azure.com',
    plugin: 'kubernetes.io/azure-disk',
    handleOf: ({ azureDisk: source }) => source?.diskURI,
  },
  azureFile: {
    driver: 'file.csi.azure.com',
    plugin: 'kubernetes.io/azure-file',
  },
  cinder: {
    driver: 'cinder.csi.openstack.org',
    plugin: 'kubernetes.io/cinder',
    handleOf: ({ cinder: source }) => source?.volumeID,
  },
  gcePersistentDisk: {
    driver: 'pd.csi.storage.gke.io',
    plugin: 'kubernetes.io/gce-pd',
    handleOf: ({ gcePersistentDisk: source }) => source?.pdName,
  },
  portworxVolume: {
    driver: 'pxd.portworx.com',
    plugin: 'kubernetes.io/portworx-volume',
    handleOf: ({ portworxVolume: source }) => source?.volumeID,
  },
  vsphereVolume: {
    driver: 'csi.vsphere.vmware.com',
    plugin: 'kubernetes.io/vsphere-volume',
  },
};

const standInFor = (source: VolumeSource): StandIn | undefined => {
  for (const field in source) if (STAND_INS[field] !== undefined) return STAND_INS[field];
  return undefined;
};

/** The driver that stands in for the plugin of a volume. */
export const migratedDriver = (source: VolumeSource): string | undefined => standInFor(source)?.driver;

/** A volume as the limits of its driver count it; undefined for one that no driver of theirs attaches. */
export function attachedByDriver(source: VolumeSource): { readonly driver: string; readonly handle: string } | undefined {
  const standIn = standInFor(source);
  const handle = standIn?.handleOf?.(source);
  return standIn === undefined || handle === undefined ? undefined : { driver: standIn.driver, handle };
}

/** The driver that makes and attaches volumes of a class; undefined when it is none that limits count. */
export function driverOfProvisioner(provisioner: string): string | undefined {
  const standIn = Object.values(STAND_INS).find(({ plugin }) => plugin === provisioner);
  if (standIn === undefined) return provisioner;
  return standIn.handleOf === undefined ? undefined : standIn.driver;
}
