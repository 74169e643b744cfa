// Webhooks and admission policies. Source: printers.go printMutatingWebhook, printValidatingAdmissionPolicy, …
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '#api/types.ts';
import { goLabelSelector } from '#apimachinery/labels.ts';
import { UNSET } from './cells.ts';
import { created, integer, name, printer, text } from './columns.ts';
import type { TablePrinter } from './contract.ts';

/** Of both kinds. */
export const webhookConfigurations: TablePrinter<MutatingWebhookConfiguration | ValidatingWebhookConfiguration> = printer<
  MutatingWebhookConfiguration | ValidatingWebhookConfiguration
>([name, integer('Webhooks', 'Number of webhooks.', ({ webhooks }) => (webhooks ?? []).length), created]);

const paramKind = (kind: ParamKind | undefined): string => (kind === undefined ? UNSET : `${kind.apiVersion ?? ''}/${kind.kind ?? ''}`);

export const validatingAdmissionPolicies: TablePrinter<ValidatingAdmissionPolicy> = printer<ValidatingAdmissionPolicy>([
  name,
  integer('Validations', 'Number of rules.', ({ spec }) => spec?.validations?.length ?? 0),
  text('ParamKind', 'Kind of its parameters.', ({ spec }) => paramKind(spec?.paramKind)),
  created,
]);

export const mutatingAdmissionPolicies: TablePrinter<MutatingAdmissionPolicy> = printer<MutatingAdmissionPolicy>([
  name,
  integer('Mutations', 'Number of changes.', ({ spec }) => spec?.mutations?.length ?? 0),
  text('ParamKind', 'Kind of its parameters.', ({ spec }) => paramKind(spec?.paramKind)),
  created,
]);

/** Whether parameters have namespaces is not known here: without one it is any. */
function paramRef(ref: ParamRef | undefined): string {
  if (ref === undefined) return UNSET;
  if ((ref.name ?? '') !== '') return `${ref.namespace || '*'}/${ref.name}`;
  return ref.selector === undefined ? UNSET : goLabelSelector(ref.selector);
}

type Binding = ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding;

/** Of both kinds. */
export const admissionPolicyBindings: TablePrinter<Binding> = printer<Binding>([
  name,
  text('PolicyName', 'Policy it puts to use.', ({ spec }) => spec?.policyName ?? ''),
  text('ParamRef', 'Where its parameters are.', ({ spec }) => paramRef(spec?.paramRef)),
  created,
]);
