// What every cluster of Proa's has beyond upstream's defaults: its components' roles, DNS, and what nodes read to join.
import { dump } from 'js-yaml';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { configmaps, services } from '#api/resources.ts';
import type { KubeObject, New } from '#api/types.ts';
import { ensureDefaultPolicy, type PolicyDeps } from '#apiserver/authorization/policy/reconcile.ts';
import type { Client } from '#client/contract.ts';
import { kubeDnsService } from '#dns/kube-dns.ts';
import { clusterInfo } from '../join/cluster-info.ts';
import { CLUSTER_FIELDS } from '../join/cluster-config.ts';
import { listOf } from '../settings/networks.ts';
import { apiServerURL, type Settings } from '../settings/settings.ts';
import { CLUSTER_CONFIG, CLUSTER_INFO, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, NAMESPACE_ROLES } from './users.ts';

/**
 * Writes what is missing, and what of ours changed. `authority` is PEM.
 * @throws StatusError, ConnectionError, AggregateError when roles could still not be written after half a minute
 */
export async function ensureClusterObjects(settings: Settings, authority: string, deps: PolicyDeps): Promise<void> {
  const { client } = deps;
  const { clusterDNS } = settings;
  const config = Object.fromEntries(CLUSTER_FIELDS.map((key) => [key, settings[key]]));
  await Promise.all([
    // A cluster that an older version began may lack what a component has needed since.
    ensureDefaultPolicy(deps, POLICY),
    put(client, configmaps, { metadata: CLUSTER_CONFIG, data: { config: dump(config) } }),
    put(client, configmaps, { metadata: CLUSTER_INFO, data: { kubeconfig: clusterInfo(apiServerURL(settings), authority) } }),
    ensure(client, services, kubeDnsService(listOf(clusterDNS))),
  ]);
}

const POLICY = {
  clusterRoles: CLUSTER_ROLES,
  clusterRoleBindings: CLUSTER_ROLE_BINDINGS,
  roles: NAMESPACE_ROLES.map(({ role }) => role),
  roleBindings: NAMESPACE_ROLES.map(({ binding }) => binding),
};

/** Creates it where it is missing; one that is there may have been changed by its user, and stays. */
async function ensure<T extends KubeObject>(client: Client, resource: Resource<T>, object: New<T>): Promise<'made' | 'there'> {
  try {
    await client.create(resource, object);
    return 'made';
  } catch (error) {
    // A Service's cluster IP is found taken before its name is: by the Service itself, made in an earlier run.
    if (isStatusError(error, 'AlreadyExists') || (isStatusError(error, 'Invalid') && error.message.includes('already allocated')))
      return 'there';
    throw error;
  }
}

/** As `ensure`, for what only Proa writes: it is brought up to date. */
async function put<T extends KubeObject>(client: Client, resource: Resource<T>, object: New<T>): Promise<void> {
  if ((await ensure(client, resource, object)) === 'there') await client.update(resource, object);
}
