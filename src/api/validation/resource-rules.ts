// The table's rows for devices that are claimed: resource.k8s.io.
import { validateClaimStatusUpdate } from './resource/claim-status.ts';
import {
  validateClaim,
  validateClaimTemplate,
  validateClaimTemplateUpdate,
  validateClaimUpdate,
  validateDeviceClass,
  validateDeviceClassUpdate,
} from './resource/claims.ts';
import { validatePoolStatusRequest, validatePoolStatusRequestStatus, validatePoolStatusRequestUpdate } from './resource/pool-status.ts';
import { validateSlice, validateSliceUpdate } from './resource/slices.ts';
import { validateTaintRule, validateTaintRuleStatusUpdate, validateTaintRuleUpdate } from './resource/taint-rules.ts';
import { rules, type KindRules } from './rules.ts';

export const DEVICE_RULES: Readonly<Record<string, KindRules>> = {
  DeviceClass: rules({ scope: 'cluster', create: validateDeviceClass, update: validateDeviceClassUpdate }),
  DeviceTaintRule: rules({
    scope: 'cluster',
    create: validateTaintRule,
    update: validateTaintRuleUpdate,
    subresources: { status: validateTaintRuleStatusUpdate },
  }),
  ResourcePoolStatusRequest: rules({
    scope: 'cluster',
    create: validatePoolStatusRequest,
    update: validatePoolStatusRequestUpdate,
    subresources: { status: validatePoolStatusRequestStatus },
  }),
  ResourceClaim: rules({
    scope: 'namespaced',
    create: validateClaim,
    update: validateClaimUpdate,
    subresources: { status: validateClaimStatusUpdate },
  }),
  ResourceClaimTemplate: rules({ scope: 'namespaced', create: validateClaimTemplate, update: validateClaimTemplateUpdate }),
  ResourceSlice: rules({ scope: 'cluster', create: validateSlice, update: validateSliceUpdate }),
};
