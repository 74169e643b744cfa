// ValidatingAdmissionWebhook: all webhooks at the same time. Source: pkg/admission/plugin/webhook/validating.
import { validatingwebhookconfigurations } from '#api/resources.ts';
import type { AdmissionAttributes, ValidatingPlugin } from '../contract.ts';
import { ask, consequence, counted } from './call.ts';
import type { Hook } from './hook.ts';
import { invocationOf, subjectOf } from './match.ts';
import type { WebhookDeps } from './mutating.ts';
import { isExempt } from './rules.ts';
import { HookSource } from './source.ts';
import type { Form } from './versions.ts';

/** Source: ValidatingAuditAnnotationFailedOpenKeyPrefix. */
const FAILED_OPEN = 'failed-open.validating.webhook.admission.k8s.io/';

export function validatingWebhooks(deps: WebhookDeps): ValidatingPlugin {
  const source = new HookSource(deps.reader, validatingwebhookconfigurations, 'validating');
  return {
    name: 'ValidatingAdmissionWebhook',
    operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
    validate(attributes) {
      const hooks = source.hooks();
      if (hooks.length === 0 || isExempt(attributes.kind)) return undefined;
      return validateAll(hooks, attributes, deps);
    },
  };
}

interface Invocation {
  readonly hook: Hook;
  readonly form: Form;
}

/** @throws StatusError of the first webhook, in the order of configurations, that refuses; all have answered by then */
async function validateAll(hooks: readonly Hook[], attributes: AdmissionAttributes, deps: WebhookDeps): Promise<void> {
  const invocations: Invocation[] = [];
  for (const hook of hooks) {
    const form = await invocationOf(hook, attributes, deps);
    if (form !== undefined) invocations.push({ hook, form });
  }
  const outcomes = await Promise.all(
    invocations.map(async ({ hook, form }, index) => {
      const subject = await subjectOf(attributes, form, deps);
      try {
        await counted(hook, subject, deps, () => ask(hook, subject, deps));
        return undefined;
      } catch (error) {
        return consequence(hook, error, subject, `${FAILED_OPEN}round_0_index_${index}`, deps);
      }
    }),
  );
  const refused = outcomes.find((outcome) => outcome !== undefined);
  if (refused !== undefined) throw refused;
}
