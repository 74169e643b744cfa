// One webhook of a configuration, prepared for being asked. Source: apiserver pkg/admission/plugin/webhook accessors.go.
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '#api/gen/admissionregistration-v1.ts';
import { BOOL } from '#apimachinery/cel/types.ts';
import { compileExpression, type CompiledExpression } from '#api/expressions/admission.ts';
import { selectorFromObject, type LabelSelector } from '#apimachinery/labels.ts';
import type { WebhookClientConfig } from '../../outbound/webhook-client.ts';

export type HookPhase = 'admit' | 'validating';

export interface Hook {
  /** `configuration/name/n`: tells hooks of one name apart. */
  readonly uid: string;
  readonly configuration: string;
  readonly name: string;
  /** Which of the two plugins calls it, as metrics name it. */
  readonly phase: HookPhase;
  readonly client: WebhookClientConfig;
  readonly rules: readonly RuleWithOperations[];
  readonly failOpen: boolean;
  /** Asks in the version its rules name, also about writes in another version of the resource. */
  readonly equivalent: boolean;
  readonly namespaces: LabelSelector;
  readonly objects: LabelSelector;
  /** All must hold for it to be asked. */
  readonly conditions: readonly CompiledExpression[];
  /** Whether it can be asked about a dry run. */
  readonly dryRun: boolean;
  readonly timeoutMs: number;
  readonly reviewVersions: readonly string[];
  /** It is called again when a later plugin changes the object. */
  readonly reinvocable: boolean;
}

export function hooksOf(
  { metadata, webhooks = [] }: MutatingWebhookConfiguration | ValidatingWebhookConfiguration,
  phase: HookPhase,
): readonly Hook[] {
  const seen = new Map<string, number>();
  return webhooks.map((webhook) => {
    const count = seen.get(webhook.name) ?? 0;
    seen.set(webhook.name, count + 1);
    return hook(webhook, phase, metadata.name, `${metadata.name}/${webhook.name}/${count}`);
  });
}

function hook(webhook: MutatingWebhook | ValidatingWebhook, phase: HookPhase, configuration: string, uid: string): Hook {
  const { name, rules = [], failurePolicy, matchPolicy, sideEffects, timeoutSeconds } = webhook;
  const failOpen = failurePolicy === 'Ignore';
  return {
    uid,
    configuration,
    name,
    phase,
    client: webhook.clientConfig,
    rules,
    failOpen,
    equivalent: matchPolicy !== 'Exact',
    namespaces: selectorFromObject(webhook.namespaceSelector ?? {}),
    objects: selectorFromObject(webhook.objectSelector ?? {}),
    conditions: (webhook.matchConditions ?? []).map(({ expression }) =>
      compileExpression(expression, { params: false, authorizer: true }, [BOOL]),
    ),
    dryRun: sideEffects === 'None' || sideEffects === 'NoneOnDryRun',
    timeoutMs: timeoutSeconds * 1_000,
    reviewVersions: webhook.admissionReviewVersions,
    reinvocable: 'reinvocationPolicy' in webhook && webhook.reinvocationPolicy === 'IfNeeded',
  };
}
