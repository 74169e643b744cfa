// Namespaces and the small objects in them. Source: printers.go printNamespace, printConfigMap, printResourceQuota, …
import type { ComponentStatus, ConfigMap, Namespace, ResourceQuota, Secret, ServiceAccount } from '#api/types.ts';
import { created, name, printer, text } from './columns.ts';
import type { TablePrinter } from './contract.ts';

const size = (map: object | undefined): number => Object.keys(map ?? {}).length;

export const namespaces: TablePrinter<Namespace> = printer<Namespace>([
  name,
  text('Status', 'Whether the namespace is in use or being deleted.', ({ status }) => status.phase ?? ''),
  created,
]);

export const configMaps: TablePrinter<ConfigMap> = printer<ConfigMap>([
  name,
  text('Data', 'Number of keys.', ({ data, binaryData }) => size(data) + size(binaryData)),
  created,
]);

export const secrets: TablePrinter<Secret> = printer<Secret>([
  name,
  text('Type', 'What the secret is for.', ({ type }) => type),
  text('Data', 'Number of keys.', ({ data }) => size(data)),
  created,
]);

export const serviceAccounts: TablePrinter<ServiceAccount> = printer<ServiceAccount>([
  name,
  text('Secrets', 'Number of secrets its pods may use.', (account) => account.secrets?.length ?? 0),
  created,
]);

export const resourceQuotas: TablePrinter<ResourceQuota> = printer<ResourceQuota>([
  name,
  text('Request', 'What is used of what may be requested or created.', (quota) => usage(quota, (resource) => !isLimit(resource))),
  text('Limit', 'What is used of what limits may add up to.', (quota) => usage(quota, isLimit)),
  created,
]);

const isLimit = (resource: string): boolean => resource.startsWith('limits.');

/** Source: printResourceQuota: `cpu: 1/2, pods: 3/10`. */
function usage({ status }: ResourceQuota, wanted: (resource: string) => boolean): string {
  const hard = Object.entries(status?.hard ?? {}).filter(([resource]) => wanted(resource));
  return hard
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([resource, most]) => `${resource}: ${status?.used?.[resource] ?? '0'}/${most}`)
    .join(', ');
}

export const componentStatuses: TablePrinter<ComponentStatus> = printer<ComponentStatus>([
  name,
  text('Status', 'Whether the component is healthy.', (component) => {
    const healthy = component.conditions?.find(({ type }) => type === 'Healthy');
    return healthy === undefined ? 'Unknown' : healthy.status === 'True' ? 'Healthy' : 'Unhealthy';
  }),
  text('Message', 'What the check said.', (component) => component.conditions?.find(({ type }) => type === 'Healthy')?.message ?? ''),
  text('Error', 'Why the check failed.', (component) => component.conditions?.find(({ type }) => type === 'Healthy')?.error ?? ''),
]);
