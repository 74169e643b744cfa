// ValidatingAdmissionPolicy: every policy that is bound to a write judges it; the first denial is the answer.
// Source: apiserver pkg/admission/plugin/policy/validating dispatcher.go.
import type { ValidatingAdmissionPolicyBinding } from '#api/gen/admissionregistration-v1.ts';
import { validatingadmissionpolicies, validatingadmissionpolicybindings } from '#api/resources.ts';
import type { Namespace } from '#api/types.ts';
import { StatusError, type StatusReason } from '#apimachinery/errors.ts';
import type { AdmissionAttributes, ValidatingPlugin } from '../contract.ts';
import type { PolicyCheck } from '../metrics.ts';
import { refusal } from '../refusal.ts';
import { subjectOf } from '../webhooks/match.ts';
import { AuditedAnnotations } from './annotations.ts';
import type { PolicyDeps } from './deps.ts';
import { authorizerOf } from './evaluation.ts';
import { constraintsOf, formOf, isPolicy, type Constraints } from './match.ts';
import { namespaceOf } from './namespace.ts';
import { collectParams, ConfigurationError, paramResource } from './params.ts';
import { PolicySource, type Hook } from './source.ts';
import { compileValidatingPolicy, judge, type Judgement, type ValidatingPolicy } from './validator.ts';

interface Binding {
  readonly name: string;
  readonly spec: ValidatingAdmissionPolicyBinding['spec'];
  /** Absent: wherever the policy applies. */
  readonly constraints: Constraints | undefined;
}

interface Denial {
  readonly policy: string;
  readonly binding: string | undefined;
  readonly message: string;
  readonly reason: StatusReason;
}

/** One line of the audit annotation about failed validations. Source: ValidationFailureValue. */
interface AuditedFailure {
  readonly message: string;
  readonly policy: string;
  readonly binding: string;
  readonly expressionIndex: number;
  readonly validationActions: readonly string[];
}

const FAILURES_KEY = 'validation.policy.admission.k8s.io/validation_failure';
/** Source: maxValidationFailures. */
const MAX_FAILURES = 50;

export function validatingAdmissionPolicy(deps: PolicyDeps): ValidatingPlugin {
  const source = new PolicySource({
    reader: deps.reader,
    policies: validatingadmissionpolicies,
    bindings: validatingadmissionpolicybindings,
    compile: compileValidatingPolicy,
    prepare: ({ metadata, spec }: ValidatingAdmissionPolicyBinding): Binding => ({
      name: metadata.name,
      spec,
      constraints: spec.matchResources === undefined ? undefined : constraintsOf(spec.matchResources),
    }),
  });
  return {
    name: 'ValidatingAdmissionPolicy',
    operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
    validate(attributes) {
      const hooks = source.hooks();
      if (hooks.length === 0 || isPolicy(attributes)) return undefined;
      return new Dispatch(attributes, deps).run(hooks);
    },
  };
}

/** One write before all policies. */
class Dispatch {
  readonly #attributes: AdmissionAttributes;
  readonly #deps: PolicyDeps;
  readonly #denials: Denial[] = [];
  readonly #failures: AuditedFailure[] = [];
  #namespace: Namespace | undefined;
  #asked = false;

  constructor(attributes: AdmissionAttributes, deps: PolicyDeps) {
    this.#attributes = attributes;
    this.#deps = deps;
  }

  /** @throws StatusError */
  async run(hooks: readonly Hook<ValidatingPolicy, Binding>[]): Promise<void> {
    for (const { policy, bindings } of hooks) await this.#policy(policy, bindings);
    const { audit } = this.#attributes.request;
    if (this.#failures.length > 0) audit.add(FAILURES_KEY, JSON.stringify(this.#failures.slice(0, MAX_FAILURES)));
    const [first] = this.#denials;
    if (first !== undefined) throw denied(first, this.#attributes);
  }

  async #policy(policy: ValidatingPolicy, bindings: readonly Binding[]): Promise<void> {
    const form = await formOf(policy.constraints, this.#attributes, this.#deps);
    if (form === undefined) return;
    const annotations = new AuditedAnnotations();
    try {
      if (policy.spec.paramKind !== undefined) paramResource(policy.spec.paramKind, this.#deps);
    } catch (error) {
      return this.#misconfigured(policy, undefined, error);
    }
    const subject = await subjectOf(this.#attributes, form, this.#deps);
    const authorizer = authorizerOf(this.#attributes, this.#deps.authorizer);
    for (const binding of bindings) {
      if (binding.constraints !== undefined && (await formOf(binding.constraints, this.#attributes, this.#deps)) === undefined) continue;
      try {
        const params = await collectParams(policy.spec.paramKind, binding.spec.paramRef, this.#attributes.namespace, this.#deps);
        const namespace = await this.#ownNamespace();
        for (const param of params) {
          this.#note(
            policy,
            binding,
            await judge(policy, { subject, params: param, namespace, authorizer }, this.#deps.clock),
            annotations,
          );
        }
      } catch (error) {
        this.#misconfigured(policy, binding, error);
      }
    }
    annotations.publish(policy.name, this.#attributes);
  }

  async #ownNamespace(): Promise<Namespace | undefined> {
    if (!this.#asked) {
      this.#namespace = await namespaceOf(this.#attributes, this.#deps.reader);
      this.#asked = true;
    }
    return this.#namespace;
  }

  #misconfigured(policy: ValidatingPolicy, binding: Binding | undefined, error: unknown): void {
    if (!(error instanceof ConfigurationError)) throw error;
    if (policy.failOpen) return;
    const what = binding === undefined ? 'policy' : 'binding';
    this.#denials.push({
      policy: policy.name,
      binding: binding?.name,
      message: `failed to configure ${what}: ${error.message}`,
      reason: '',
    });
  }

  /** What a judgement means is the binding's to say. */
  #note(policy: ValidatingPolicy, binding: Binding, { decisions, annotations }: Judgement, audited: AuditedAnnotations): void {
    const { validationActions } = binding.spec;
    decisions.forEach((decision, expressionIndex) => {
      if (decision.action === 'admit') {
        if (decision.failed) this.#count(policy, binding, decision, 'allow');
        return;
      }
      const { message, reason } = decision;
      for (const action of validationActions) {
        if (action === 'Deny') this.#denials.push({ policy: policy.name, binding: binding.name, message, reason });
        else if (action === 'Audit') {
          this.#failures.push({ message, policy: policy.name, binding: binding.name, expressionIndex, validationActions });
        } else {
          const text = `Validation failed for ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}': ${message}`;
          this.#attributes.request.warnings.add(text);
        }
        this.#count(policy, binding, decision, action.toLowerCase());
      }
    });
    for (const annotation of annotations) {
      if ('error' in annotation) {
        this.#denials.push({ policy: policy.name, binding: binding.name, message: annotation.error, reason: '' });
        this.#count(policy, binding, { message: annotation.error, ms: 0 }, 'deny');
      } else audited.add(annotation.key, annotation.value);
    }
  }

  #count(
    { name: policy }: ValidatingPolicy,
    { name: binding }: Binding,
    { message, ms }: { readonly message: string; readonly ms: number },
    action: string,
  ): void {
    this.#deps.metrics.validatingPolicy({ policy, binding, error: errorType(message), ms }, action);
  }
}

/** Only the message tells. Source: validating ErrorType. */
function errorType(message: string): PolicyCheck['error'] {
  if (message.startsWith('compilation')) return 'compile_error';
  return message.startsWith(OUT_OF_BUDGET) ? 'out_of_budget' : 'invalid_error';
}

const OUT_OF_BUDGET = 'validation failed due to running out of cost budget';

function denied({ policy, binding, message, reason }: Denial, attributes: AdmissionAttributes): StatusError {
  const by = binding === undefined ? `'${policy}'` : `'${policy}' with binding '${binding}'`;
  const text = `ValidatingAdmissionPolicy ${by} denied request: ${message}`;
  const { message: whole, details } = refusal(attributes, text);
  return new StatusError(reason === '' ? 'Invalid' : reason, whole, { ...details, causes: [{ message: text }] });
}
