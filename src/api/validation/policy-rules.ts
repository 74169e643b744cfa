// The table's rows for networks, access, budgets, scaling and classes.
import { validateAutoscaler, validateAutoscalerStatusUpdate, validateAutoscalerUpdate } from './autoscaling/autoscalers.ts';
import {
  validateIngressClass,
  validateIngressClassUpdate,
  validateIpAddress,
  validateIpAddressUpdate,
  validateServiceCidr,
  validateServiceCidrStatusUpdate,
  validateServiceCidrUpdate,
} from './networking/classes-and-addresses.ts';
import { validateIngress, validateIngressStatusUpdate, validateIngressUpdate } from './networking/ingresses.ts';
import { validateNetworkPolicy, validateNetworkPolicyUpdate } from './networking/network-policies.ts';
import { validateDisruptionBudget, validateDisruptionBudgetStatusUpdate } from './policy/disruption-budgets.ts';
import {
  validateClusterRole,
  validateClusterRoleBinding,
  validateClusterRoleBindingUpdate,
  validateClusterRoleUpdate,
  validateRole,
  validateRoleBinding,
  validateRoleBindingUpdate,
  validateRoleUpdate,
} from './rbac/roles.ts';
import { validatePodGroup, validatePodGroupStatusUpdate, validatePodGroupUpdate } from './scheduling/pod-groups.ts';
import { validateWorkload, validateWorkloadUpdate } from './scheduling/workloads.ts';
import { rules, type KindRules } from './rules.ts';
import { validatePriorityClass, validatePriorityClassUpdate, validateRuntimeClass, validateRuntimeClassUpdate } from './storage/classes.ts';

export const NETWORKING_RULES: Readonly<Record<string, KindRules>> = {
  IPAddress: rules({ scope: 'cluster', create: validateIpAddress, update: validateIpAddressUpdate }),
  Ingress: rules({
    scope: 'namespaced',
    create: validateIngress,
    update: validateIngressUpdate,
    subresources: { status: validateIngressStatusUpdate },
  }),
  IngressClass: rules({ scope: 'cluster', create: validateIngressClass, update: validateIngressClassUpdate }),
  NetworkPolicy: rules({ scope: 'namespaced', create: validateNetworkPolicy, update: validateNetworkPolicyUpdate }),
  ServiceCIDR: rules({
    scope: 'cluster',
    create: validateServiceCidr,
    update: validateServiceCidrUpdate,
    subresources: { status: validateServiceCidrStatusUpdate },
  }),
};

export const RBAC_RULES: Readonly<Record<string, KindRules>> = {
  ClusterRole: rules({ scope: 'cluster', create: validateClusterRole, update: validateClusterRoleUpdate }),
  ClusterRoleBinding: rules({ scope: 'cluster', create: validateClusterRoleBinding, update: validateClusterRoleBindingUpdate }),
  Role: rules({ scope: 'namespaced', create: validateRole, update: validateRoleUpdate }),
  RoleBinding: rules({ scope: 'namespaced', create: validateRoleBinding, update: validateRoleBindingUpdate }),
};

export const POLICY_RULES: Readonly<Record<string, KindRules>> = {
  PodDisruptionBudget: rules({
    scope: 'namespaced',
    create: validateDisruptionBudget,
    update: validateDisruptionBudget,
    subresources: { status: validateDisruptionBudgetStatusUpdate },
  }),
};

export const AUTOSCALING_RULES: Readonly<Record<string, KindRules>> = {
  HorizontalPodAutoscaler: rules({
    scope: 'namespaced',
    create: validateAutoscaler,
    update: validateAutoscalerUpdate,
    subresources: { status: validateAutoscalerStatusUpdate },
  }),
};

export const SCHEDULING_RULES: Readonly<Record<string, KindRules>> = {
  PriorityClass: rules({ scope: 'cluster', create: validatePriorityClass, update: validatePriorityClassUpdate }),
  PodGroup: rules({
    scope: 'namespaced',
    create: validatePodGroup,
    update: validatePodGroupUpdate,
    subresources: { status: validatePodGroupStatusUpdate },
  }),
  Workload: rules({ scope: 'namespaced', create: validateWorkload, update: validateWorkloadUpdate }),
};

export const NODE_RULES: Readonly<Record<string, KindRules>> = {
  RuntimeClass: rules({ scope: 'cluster', create: validateRuntimeClass, update: validateRuntimeClassUpdate }),
};
