// pure
// The name that figures give the kind of a volume. Source: persistentvolume/metrics getPVPluginName, csi GetCSIDriverName.
import type { PersistentVolume } from '#api/types.ts';

const PLUGINS: Readonly<Record<string, string>> = {
  hostPath: 'kubernetes.io/host-path',
  nfs: 'kubernetes.io/nfs',
  local: 'kubernetes.io/local-volume',
};

/** `N/A` where no plugin of this process knows it. */
export function pluginName({ spec }: Pick<PersistentVolume, 'spec'>): string {
  if (spec.csi !== undefined) return `kubernetes.io/csi:${spec.csi.driver}`;
  const source = Object.keys(PLUGINS).find((name) => spec[name as keyof typeof spec] !== undefined);
  return source === undefined ? 'N/A' : (PLUGINS[source] as string);
}
