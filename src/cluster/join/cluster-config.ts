// What a node must know of its cluster, read from the cluster itself.
import { load } from 'js-yaml';
import { configmaps } from '#api/resources.ts';
import type { Client } from '#client/contract.ts';
import { CLUSTER_CONFIG } from '../node/users.ts';
import type { Settings } from '../settings/settings.ts';

/** The settings that are the cluster's, not the machine's. */
export const CLUSTER_FIELDS = ['podCIDR', 'serviceCIDR', 'clusterDNS', 'clusterDomain'] as const satisfies readonly (keyof Settings)[];

export type ClusterConfig = Pick<Settings, (typeof CLUSTER_FIELDS)[number]>;

/** @throws StatusError, ConnectionError; Error when the cluster is not Proa's */
export async function readClusterConfig(client: Client, signal: AbortSignal): Promise<ClusterConfig> {
  const { data } = await client.get(configmaps, CLUSTER_CONFIG, { signal });
  const values = load(data?.['config'] ?? '') as Partial<ClusterConfig> | undefined;
  const missing = CLUSTER_FIELDS.filter((key) => typeof values?.[key] !== 'string');
  if (missing.length > 0) throw new Error(`ConfigMap ${CLUSTER_CONFIG.namespace}/${CLUSTER_CONFIG.name} lacks ${missing.join(', ')}`);
  return values as ClusterConfig;
}
