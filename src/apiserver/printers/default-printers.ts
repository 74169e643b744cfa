// Which kind is printed how.
import type { Printers, TablePrinter } from './contract.ts';
import { coreEvents, newEvents } from './events.ts';
import { componentStatuses, configMaps, namespaces, resourceQuotas, secrets, serviceAccounts } from './namespaces.ts';
import { leases, nodes, runtimeClasses } from './nodes.ts';
import { pods } from './pods.ts';
import { endpoints, endpointSlices, ingressClasses, ingresses, ipAddresses, networkPolicies, serviceCidrs, services } from './services.ts';
import { controllerRevisions, cronJobs, daemonSets, deployments, jobs, podTemplates, replicaSets, replicationControllers, statefulSets } from './workloads.ts';

/** By `group/kind`, for every version that has no row of its own as `group/version/kind`. */
const rows = {
  '/ComponentStatus': componentStatuses,
  '/ConfigMap': configMaps,
  '/Endpoints': endpoints,
  '/Event': coreEvents,
  '/Namespace': namespaces,
  '/Node': nodes,
  '/Pod': pods,
  '/PodTemplate': podTemplates,
  '/ReplicationController': replicationControllers,
  '/ResourceQuota': resourceQuotas,
  '/Secret': secrets,
  '/Service': services,
  '/ServiceAccount': serviceAccounts,
  'apps/ControllerRevision': controllerRevisions,
  'apps/DaemonSet': daemonSets,
  'apps/Deployment': deployments,
  'apps/ReplicaSet': replicaSets,
  'apps/StatefulSet': statefulSets,
  'batch/CronJob': cronJobs,
  'batch/Job': jobs,
  'coordination.k8s.io/Lease': leases,
  'discovery.k8s.io/EndpointSlice': endpointSlices,
  'events.k8s.io/Event': newEvents,
  'networking.k8s.io/Ingress': ingresses,
  'networking.k8s.io/IngressClass': ingressClasses,
  'networking.k8s.io/IPAddress': ipAddresses,
  'networking.k8s.io/NetworkPolicy': networkPolicies,
  'networking.k8s.io/ServiceCIDR': serviceCidrs,
  'node.k8s.io/RuntimeClass': runtimeClasses,
} as const;

// A printer is only ever given objects of the kind it is listed under.
const byKind: ReadonlyMap<string, TablePrinter> = new Map(Object.entries(rows) as unknown as readonly (readonly [string, TablePrinter])[]);

/** Every built-in kind with columns of its own; upstream too prints the rest (Role, LimitRange, …) with name and time of creation. */
export const defaultPrinters: Printers = {
  find: ({ group, version, kind }) => byKind.get(`${group}/${version}/${kind}`) ?? byKind.get(`${group}/${kind}`),
};
