// The table's rows for the groups of running workloads: core, apps, discovery, coordination, events.
import { validateDaemonSet, validateDaemonSetStatusUpdate, validateDaemonSetUpdate } from './apps/daemon-sets.ts';
import { validateDeployment, validateDeploymentStatusUpdate, validateDeploymentUpdate } from './apps/deployments.ts';
import {
  validatePodTemplateObject,
  validatePodTemplateObjectUpdate,
  validateReplicaSet,
  validateReplicaSetStatusUpdate,
  validateReplicaSetUpdate,
  validateReplicationController,
  validateReplicationControllerStatusUpdate,
  validateReplicationControllerUpdate,
} from './apps/replica-sets.ts';
import {
  validateControllerRevision,
  validateControllerRevisionUpdate,
  validateStatefulSet,
  validateStatefulSetStatusUpdate,
  validateStatefulSetUpdate,
} from './apps/stateful-sets.ts';
import { validateLease, validateLeaseCandidate, validateLeaseCandidateUpdate, validateLeaseUpdate } from './coordination/leases.ts';
import {
  validateConfigMap,
  validateConfigMapUpdate,
  validateNamespace,
  validateNamespaceFinalize,
  validateNamespaceStatusUpdate,
  validateNamespaceUpdate,
  validateSecret,
  validateSecretUpdate,
  validateServiceAccount,
  validateServiceAccountUpdate,
} from './core/config.ts';
import { validateEndpoints, validateEndpointsUpdate } from './core/endpoints.ts';
import { validateCoreEvent, validateNewEvent, validateNewEventUpdate } from './core/events.ts';
import { validateNode, validateNodeUpdate } from './core/nodes.ts';
import { validatePodStatusUpdate } from './core/pod-status.ts';
import { ephemeralContainersErrors, resizeErrors } from './core/pod-subresources.ts';
import { validatePod, validatePodUpdate } from './core/pods.ts';
import { validateService, validateServiceStatusUpdate, validateServiceUpdate } from './core/services.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from './discovery/endpoint-slices.ts';
import { rules, type KindRules } from './rules.ts';

export const CORE_RULES: Readonly<Record<string, KindRules>> = {
  ConfigMap: rules({ scope: 'namespaced', create: validateConfigMap, update: validateConfigMapUpdate }),
  Endpoints: rules({ scope: 'namespaced', create: (out, object) => validateEndpoints(out, object), update: validateEndpointsUpdate }),
  Event: rules({ scope: 'namespaced', create: validateCoreEvent, update: validateCoreEvent }),
  Namespace: rules({
    scope: 'cluster',
    create: validateNamespace,
    update: (out, object, old) => {
      validateNamespace(out, object);
      validateNamespaceUpdate(out, object, old);
    },
    subresources: { status: validateNamespaceStatusUpdate, finalize: validateNamespaceFinalize },
  }),
  Node: rules({
    scope: 'cluster',
    create: validateNode,
    update: (out, object, old) => {
      validateNode(out, object);
      validateNodeUpdate(out, object, old);
    },
    subresources: { status: validateNodeUpdate },
  }),
  Pod: rules({
    scope: 'namespaced',
    create: validatePod,
    update: validatePodUpdate,
    subresources: {
      status: validatePodStatusUpdate,
      ephemeralcontainers: (out, object, old) => out.add(ephemeralContainersErrors(object, old, out.capabilities)),
      resize: (out, object, old) => out.add(resizeErrors(object, old, out.capabilities)),
    },
  }),
  PodTemplate: rules({ scope: 'namespaced', create: validatePodTemplateObject, update: validatePodTemplateObjectUpdate }),
  ReplicationController: rules({
    scope: 'namespaced',
    create: validateReplicationController,
    // Source: the strategy's ValidateUpdate, which judges twice what the change's own rules judge too.
    update: (out, object, old) => {
      validateReplicationController(out, object);
      validateReplicationControllerUpdate(out, object, old);
    },
    subresources: { status: validateReplicationControllerStatusUpdate },
  }),
  Secret: rules({ scope: 'namespaced', create: validateSecret, update: validateSecretUpdate }),
  Service: rules({
    scope: 'namespaced',
    create: validateService,
    update: validateServiceUpdate,
    subresources: { status: validateServiceStatusUpdate },
  }),
  ServiceAccount: rules({ scope: 'namespaced', create: validateServiceAccount, update: validateServiceAccountUpdate }),
};

export const APPS_RULES: Readonly<Record<string, KindRules>> = {
  ControllerRevision: rules({ scope: 'namespaced', create: validateControllerRevision, update: validateControllerRevisionUpdate }),
  DaemonSet: rules({
    scope: 'namespaced',
    create: validateDaemonSet,
    update: validateDaemonSetUpdate,
    subresources: { status: validateDaemonSetStatusUpdate },
  }),
  Deployment: rules({
    scope: 'namespaced',
    create: validateDeployment,
    update: validateDeploymentUpdate,
    subresources: { status: validateDeploymentStatusUpdate },
  }),
  ReplicaSet: rules({
    scope: 'namespaced',
    create: validateReplicaSet,
    update: validateReplicaSetUpdate,
    subresources: { status: validateReplicaSetStatusUpdate },
  }),
  StatefulSet: rules({
    scope: 'namespaced',
    create: validateStatefulSet,
    update: validateStatefulSetUpdate,
    subresources: { status: validateStatefulSetStatusUpdate },
  }),
};

export const COORDINATION_RULES: Readonly<Record<string, KindRules>> = {
  Lease: rules({ scope: 'namespaced', create: validateLease, update: validateLeaseUpdate }),
  LeaseCandidate: rules({ scope: 'namespaced', create: validateLeaseCandidate, update: validateLeaseCandidateUpdate }),
};

export const DISCOVERY_RULES: Readonly<Record<string, KindRules>> = {
  EndpointSlice: rules({
    scope: 'namespaced',
    create: (out, object) => validateEndpointSlice(out, object),
    update: validateEndpointSliceUpdate,
  }),
};

export const EVENTS_RULES: Readonly<Record<string, KindRules>> = {
  Event: rules({ scope: 'namespaced', create: validateNewEvent, update: validateNewEventUpdate }),
};
