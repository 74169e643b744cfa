// The table's rows for what steers the API server itself: admission, request priority, aggregation, certificates.
import {
  validateMutatingBinding,
  validateMutatingPolicy,
  validateMutatingPolicyUpdate,
  validateValidatingBinding,
  validateValidatingPolicy,
  validateValidatingPolicyUpdate,
} from './admission/policies.ts';
import { validateValidatingPolicyStatus } from './admission/policy-status.ts';
import { validateWebhooks, validateWebhooksUpdate } from './admission/webhooks.ts';
import {
  validateSigningRequest,
  validateSigningRequestApprovalUpdate,
  validateSigningRequestStatusUpdate,
  validateSigningRequestUpdate,
} from './certificates/signing-requests.ts';
import { validatePodCertificateRequestStatus } from './certificates/pod-request-status.ts';
import { validatePodCertificateRequest, validatePodCertificateRequestUpdate } from './certificates/pod-requests.ts';
import { validateStorageVersion, validateStorageVersionStatusUpdate } from './apiserverinternal/storage-versions.ts';
import { validateTrustBundle, validateTrustBundleUpdate } from './certificates/trust-bundles.ts';
import { validateApiService, validateApiServiceStatusUpdate, validateApiServiceUpdate } from './flowcontrol/api-services.ts';
import { validateDefinition, validateDefinitionStatusUpdate, validateDefinitionUpdate } from './extensions/definitions.ts';
import { validateFlowConditions, validateFlowSchema } from './flowcontrol/flow-schemas.ts';
import { validatePriorityLevel } from './flowcontrol/priority-levels.ts';
import { rules, type KindRules } from './rules.ts';
import { validateMigration, validateMigrationStatusUpdate, validateMigrationUpdate } from './storagemigration/migrations.ts';

export const ADMISSION_RULES: Readonly<Record<string, KindRules>> = {
  MutatingWebhookConfiguration: rules({ scope: 'cluster', create: validateWebhooks, update: validateWebhooksUpdate }),
  ValidatingWebhookConfiguration: rules({ scope: 'cluster', create: validateWebhooks, update: validateWebhooksUpdate }),
  MutatingAdmissionPolicy: rules({ scope: 'cluster', create: validateMutatingPolicy, update: validateMutatingPolicyUpdate }),
  MutatingAdmissionPolicyBinding: rules({ scope: 'cluster', create: validateMutatingBinding, update: validateMutatingBinding }),
  ValidatingAdmissionPolicy: rules({
    scope: 'cluster',
    create: validateValidatingPolicy,
    update: validateValidatingPolicyUpdate,
    subresources: { status: validateValidatingPolicyStatus },
  }),
  ValidatingAdmissionPolicyBinding: rules({ scope: 'cluster', create: validateValidatingBinding, update: validateValidatingBinding }),
};

export const CERTIFICATES_RULES: Readonly<Record<string, KindRules>> = {
  CertificateSigningRequest: rules({
    scope: 'cluster',
    create: validateSigningRequest,
    update: validateSigningRequestUpdate,
    subresources: { status: validateSigningRequestStatusUpdate, approval: validateSigningRequestApprovalUpdate },
  }),
  ClusterTrustBundle: rules({ scope: 'cluster', create: validateTrustBundle, update: validateTrustBundleUpdate }),
  PodCertificateRequest: rules({
    scope: 'namespaced',
    create: validatePodCertificateRequest,
    update: validatePodCertificateRequestUpdate,
    subresources: { status: validatePodCertificateRequestStatus },
  }),
};

export const API_SERVER_RULES: Readonly<Record<string, KindRules>> = {
  // Its specification is empty: an update of it has nothing to get wrong.
  StorageVersion: rules({
    scope: 'cluster',
    create: validateStorageVersion,
    subresources: { status: validateStorageVersionStatusUpdate },
  }),
};

export const STORAGE_MIGRATION_RULES: Readonly<Record<string, KindRules>> = {
  StorageVersionMigration: rules({
    scope: 'cluster',
    create: validateMigration,
    update: validateMigrationUpdate,
    subresources: { status: validateMigrationStatusUpdate },
  }),
};

export const FLOW_CONTROL_RULES: Readonly<Record<string, KindRules>> = {
  FlowSchema: rules({
    scope: 'cluster',
    create: validateFlowSchema,
    update: validateFlowSchema,
    subresources: { status: validateFlowConditions },
  }),
  PriorityLevelConfiguration: rules({
    scope: 'cluster',
    create: validatePriorityLevel,
    update: validatePriorityLevel,
    subresources: { status: validateFlowConditions },
  }),
};

export const AGGREGATION_RULES: Readonly<Record<string, KindRules>> = {
  APIService: rules({
    scope: 'cluster',
    create: validateApiService,
    update: validateApiServiceUpdate,
    subresources: { status: validateApiServiceStatusUpdate },
  }),
};

export const EXTENSIONS_RULES: Readonly<Record<string, KindRules>> = {
  CustomResourceDefinition: rules({
    scope: 'cluster',
    create: validateDefinition,
    update: validateDefinitionUpdate,
    subresources: { status: validateDefinitionStatusUpdate },
  }),
};
