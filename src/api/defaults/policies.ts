// Defaults of the small groups: each a table of constants where upstream's defaults.go has nothing conditional.
// Source: pkg/apis/{autoscaling,networking,discovery,rbac,storage,scheduling,flowcontrol,authentication,…}/v*/defaults.go.
import type { HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerSpec, HPAScalingRules } from '../gen/autoscaling-v2.ts';
import type { IngressClassSpec, NetworkPolicySpec } from '../gen/networking-v1.ts';
import type { Subject } from '../gen/rbac-v1.ts';
import type { Device, DeviceSubRequest } from '../gen/resource-v1.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { New } from '../types.ts';
import { constants, constantsForZero, fill, typed, type Defaulter, type DefaulterTable } from './fill.ts';

const RBAC_GROUP = 'rbac.authorization.k8s.io';
const CPU_UTILIZATION_PERCENT = 80;

const SCALE_UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
/** No window of its own: the controller's applies. */
const SCALE_DOWN: HPAScalingRules = { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };

function defaultAutoscaler(given: New<HorizontalPodAutoscalerSpec>): New<HorizontalPodAutoscalerSpec> {
  return fill(given, {
    minReplicas: 1,
    metrics: [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: CPU_UTILIZATION_PERCENT } } },
    ],
  });
}

/** Once a behaviour is given, both directions are complete. Source: GenerateHPAScaleUpRules, GenerateHPAScaleDownRules. */
function defaultBehavior(given: New<HorizontalPodAutoscalerBehavior>): New<HorizontalPodAutoscalerBehavior> {
  const scaleUp = fill(given.scaleUp ?? {}, SCALE_UP);
  const scaleDown = fill(given.scaleDown ?? {}, SCALE_DOWN);
  return scaleUp === given.scaleUp && scaleDown === given.scaleDown ? given : { scaleUp, scaleDown };
}

function defaultNetworkPolicy(spec: New<NetworkPolicySpec>): New<NetworkPolicySpec> {
  if (spec.policyTypes !== undefined) return spec;
  return { ...spec, policyTypes: spec.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress'] };
}

function defaultIngressClass(spec: New<IngressClassSpec>): New<IngressClassSpec> {
  if (spec.parameters === undefined) return spec;
  const parameters = fill(spec.parameters, { scope: 'Cluster' });
  return parameters === spec.parameters ? spec : { ...spec, parameters };
}

function defaultSubject(subject: New<Subject>): New<Subject> {
  return subject.kind === 'User' || subject.kind === 'Group' ? fill(subject, { apiGroup: RBAC_GROUP }) : subject;
}

function defaultDeviceRequest(given: New<DeviceSubRequest>): New<DeviceSubRequest> {
  const request = fill(given, { allocationMode: 'ExactCount' });
  return request.allocationMode === 'ExactCount' ? fill(request, { count: 1 }) : request;
}

function defaultDevice(device: New<Device>): New<Device> {
  const mappings = device.nodeAllocatableResourceMappings;
  if (mappings === undefined || Object.values(mappings).every((mapping) => mapping?.allocationMultiplier !== undefined)) return device;
  const filled = Object.entries(mappings).map(([name, mapping]) => [name, fill(mapping ?? {}, { allocationMultiplier: '1' })] as const);
  return { ...device, nodeAllocatableResourceMappings: Object.fromEntries(filled) };
}

const stampTaint: Defaulter = (taint, now) => fill(taint as { timeAdded?: string }, { timeAdded: formatTime(now) });

const NETWORKING = 'io.k8s.api.networking.v1.';
const FLOWCONTROL = 'io.k8s.api.flowcontrol.v1.';

export const policyDefaults: DefaulterTable = {
  'io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec': constants({ minReplicas: 1 }),
  'io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec': typed(defaultAutoscaler),
  'io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior': typed(defaultBehavior),
  [`${NETWORKING}NetworkPolicyPort`]: constants({ protocol: 'TCP' }),
  [`${NETWORKING}NetworkPolicySpec`]: typed(defaultNetworkPolicy),
  [`${NETWORKING}IngressClassSpec`]: typed(defaultIngressClass),
  'io.k8s.api.discovery.v1.EndpointPort': constants({ name: '', protocol: 'TCP' }),
  'io.k8s.api.rbac.v1.RoleRef': constantsForZero({ apiGroup: RBAC_GROUP }),
  'io.k8s.api.rbac.v1.Subject': typed(defaultSubject),
  'io.k8s.api.storage.v1.StorageClass': constants({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  'io.k8s.api.storage.v1.CSIDriverSpec': constants({
    attachRequired: true,
    podInfoOnMount: false,
    volumeLifecycleModes: ['Persistent'],
    storageCapacity: false,
    fsGroupPolicy: 'ReadWriteOnceWithFSType',
    requiresRepublish: false,
    seLinuxMount: false,
  }),
  'io.k8s.api.scheduling.v1.PriorityClass': constants({ preemptionPolicy: 'PreemptLowerPriority' }),
  'io.k8s.api.authentication.v1.TokenRequestSpec': constants({ expirationSeconds: 3600 }),
  [`${FLOWCONTROL}FlowSchemaSpec`]: constantsForZero({ matchingPrecedence: 1000 }),
  [`${FLOWCONTROL}ExemptPriorityLevelConfiguration`]: constants({ nominalConcurrencyShares: 0, lendablePercent: 0 }),
  [`${FLOWCONTROL}LimitedPriorityLevelConfiguration`]: constants({ nominalConcurrencyShares: 30, lendablePercent: 0 }),
  [`${FLOWCONTROL}QueuingConfiguration`]: constantsForZero({ queues: 64, handSize: 8, queueLengthLimit: 50 }),
  ...deviceDefaults(),
};

/** The versions of resource.k8s.io differ in which struct holds a request's mode. */
function deviceDefaults(): DefaulterTable {
  const table: Record<string, Defaulter> = { 'io.k8s.api.resource.v1alpha3.ResourcePoolStatusRequestSpec': constants({ limit: 100 }) };
  for (const version of ['v1', 'v1beta2', 'v1beta1']) {
    const prefix = `io.k8s.api.resource.${version}.`;
    table[`${prefix}DeviceSubRequest`] = typed(defaultDeviceRequest);
    table[`${prefix}DeviceTaint`] = stampTaint;
    if (version !== 'v1beta1') {
      table[`${prefix}ExactDeviceRequest`] = typed(defaultDeviceRequest);
      table[`${prefix}Device`] = typed(defaultDevice);
    }
  }
  table['io.k8s.api.resource.v1alpha3.DeviceTaint'] = stampTaint;
  table['io.k8s.api.resource.v1beta1.BasicDevice'] = typed(defaultDevice);
  // In v1beta1 a request without a class has alternatives instead of a mode of its own.
  table['io.k8s.api.resource.v1beta1.DeviceRequest'] = (request, now) =>
    'deviceClassName' in request && request.deviceClassName !== ''
      ? (table['io.k8s.api.resource.v1beta1.DeviceSubRequest'] as Defaulter)(request, now)
      : request;
  return table;
}
