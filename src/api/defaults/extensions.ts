// Defaults of webhooks, admission policies, CRDs and APIServices.
// Source: defaults.go of pkg/apis/admissionregistration, apiextensions-apiserver and kube-aggregator.
import type { CustomResourceDefinition, CustomResourceDefinitionNames, CustomResourceDefinitionSpec } from '../gen/apiextensions-v1.ts';
import type { New } from '../types.ts';
import { constants, fill, typed, type Defaulter, type DefaulterTable } from './fill.ts';

const WEBHOOK = { failurePolicy: 'Fail', matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, timeoutSeconds: 10 };
const MATCH_RESOURCES = constants({ namespaceSelector: {}, objectSelector: {}, matchPolicy: 'Equivalent' });
const HTTPS_PORT = constants({ port: 443 });
const FAIL_CLOSED = constants({ failurePolicy: 'Fail' });
const ALL_SCOPES = constants({ scope: '*' });

/** The version it stores is known to have been stored. Source: SetDefaults_CustomResourceDefinition. */
function defaultCrd(given: New<CustomResourceDefinition>): New<CustomResourceDefinition> {
  const spec = defaultCrdSpec(given.spec ?? {});
  const crd = spec === given.spec ? given : { ...given, spec };
  const stored = crd.spec?.versions?.find((version) => version.storage === true)?.name;
  if (stored === undefined || (crd.status?.storedVersions?.length ?? 0) > 0) return crd;
  return { ...crd, status: { ...crd.status, storedVersions: [stored] } };
}

function defaultCrdSpec(given: New<CustomResourceDefinitionSpec>): New<CustomResourceDefinitionSpec> {
  const names = defaultNames(given.names ?? {});
  return fill(names === given.names ? given : { ...given, names }, { conversion: { strategy: 'None' } });
}

function defaultNames(names: New<CustomResourceDefinitionNames>): New<CustomResourceDefinitionNames> {
  const { kind } = names;
  if (kind === undefined || kind === '') return names;
  const filled = fill(
    { ...names, singular: names.singular || undefined, listKind: names.listKind || undefined },
    { singular: kind.toLowerCase(), listKind: `${kind}List` },
  );
  return filled.singular === names.singular && filled.listKind === names.listKind ? names : filled;
}

function policyDefaults(version: string): Record<string, Defaulter> {
  const prefix = `io.k8s.api.admissionregistration.${version}.`;
  return {
    [`${prefix}MatchResources`]: MATCH_RESOURCES,
    [`${prefix}NamedRuleWithOperations`]: ALL_SCOPES,
    [`${prefix}ValidatingAdmissionPolicySpec`]: FAIL_CLOSED,
    [`${prefix}MutatingAdmissionPolicySpec`]: FAIL_CLOSED,
  };
}

const V1 = 'io.k8s.api.admissionregistration.v1.';

export const extensionDefaults: DefaulterTable = {
  ...policyDefaults('v1'),
  ...policyDefaults('v1beta1'),
  ...policyDefaults('v1alpha1'),
  [`${V1}ValidatingWebhook`]: constants(WEBHOOK),
  [`${V1}MutatingWebhook`]: constants({ ...WEBHOOK, reinvocationPolicy: 'Never' }),
  [`${V1}RuleWithOperations`]: ALL_SCOPES,
  [`${V1}ServiceReference`]: HTTPS_PORT,
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition': typed(defaultCrd),
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference': HTTPS_PORT,
  'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference': HTTPS_PORT,
};
