// What a client is told although its object is accepted: one table by group and kind.
// Source: registry strategies WarningsOnCreate, WarningsOnUpdate.
import type { ValidatedKind } from '../validation.ts';
import {
  admissionWarnings,
  claimWarnings,
  csiDriverWarnings,
  endpointSliceWarnings,
  endpointsWarnings,
  ingressWarnings,
  loadBalancerWarnings,
  networkPolicyWarnings,
  nodeWarnings,
  runtimeClassWarnings,
  secretWarnings,
  serviceAccountWarnings,
  serviceWarnings,
  storageCapacityWarnings,
  storageClassWarnings,
  volumeWarnings,
} from './cluster.ts';
import { Warnings } from './collector.ts';
import { definitionWarnings } from './definitions.ts';
import {
  cronJobWarnings,
  daemonSetWarnings,
  jobWarnings,
  podStatusWarnings,
  podTemplateWarnings,
  podWarnings,
  replicatedWarnings,
  replicationControllerWarnings,
  statefulSetWarnings,
} from './workloads.ts';

/** `old` is absent on create. */
type Say = (out: Warnings, object: unknown, old?: unknown) => void;

/** The one place where a kind's name stands for its type. */
const say = <T>(typed: (out: Warnings, object: T, old?: T) => void): Say => typed as Say;

/** By group and kind, or group, kind and subresource. */
const SAY: Readonly<Record<string, Say>> = {
  '/Endpoints': say(endpointsWarnings),
  '/Node': say(nodeWarnings),
  '/PersistentVolume': say(volumeWarnings),
  '/PersistentVolumeClaim': say(claimWarnings),
  '/Pod': say(podWarnings),
  '/Pod/status': say(podStatusWarnings),
  '/PodTemplate': say(podTemplateWarnings),
  '/ReplicationController': say(replicationControllerWarnings),
  '/Secret': say(secretWarnings),
  '/Service': say(serviceWarnings),
  '/Service/status': say(loadBalancerWarnings),
  '/ServiceAccount': say(serviceAccountWarnings),
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': say(admissionWarnings),
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': say(admissionWarnings),
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': say(admissionWarnings),
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': say(admissionWarnings),
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': say(admissionWarnings),
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': say(admissionWarnings),
  'apiextensions.k8s.io/CustomResourceDefinition': say(definitionWarnings),
  'apps/DaemonSet': say(daemonSetWarnings),
  'apps/Deployment': say(replicatedWarnings),
  'apps/ReplicaSet': say(replicatedWarnings),
  'apps/StatefulSet': say(statefulSetWarnings),
  'batch/CronJob': say(cronJobWarnings),
  'batch/Job': say(jobWarnings),
  'discovery.k8s.io/EndpointSlice': say(endpointSliceWarnings),
  'networking.k8s.io/Ingress': say(ingressWarnings),
  'networking.k8s.io/Ingress/status': say(loadBalancerWarnings),
  'networking.k8s.io/NetworkPolicy': say(networkPolicyWarnings),
  'node.k8s.io/RuntimeClass': say(runtimeClassWarnings),
  'storage.k8s.io/CSIDriver': say(csiDriverWarnings),
  'storage.k8s.io/CSIStorageCapacity': say(storageCapacityWarnings),
  'storage.k8s.io/StorageClass': say(storageClassWarnings),
};

function said(key: string, object: unknown, old?: unknown): readonly string[] {
  const row = Object.hasOwn(SAY, key) ? SAY[key] : undefined;
  if (row === undefined) return [];
  const out = new Warnings();
  row(out, object, old);
  return out.list;
}

/** Warnings for a new object that passed validateCreate. */
export const createWarnings = (object: unknown, { group, kind }: ValidatedKind): readonly string[] => said(`${group}/${kind}`, object);

/** Warnings for a change that passed validateUpdate; `subresource` as there. */
export function updateWarnings(object: unknown, old: unknown, { group, kind }: ValidatedKind, subresource = ''): readonly string[] {
  return said(`${group}/${kind}${subresource === '' ? '' : `/${subresource}`}`, object, old);
}
