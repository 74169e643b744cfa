// MutatingAdmissionPolicy: one policy after the other, each sees what those before it made of the object.
// Source: apiserver pkg/admission/plugin/policy/mutating dispatcher.go, policy/generic policy_dispatcher.go.
import { PolicyCompiler, type CompiledExpression, type Offered } from '#api/expressions/admission.ts';
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding } from '#api/gen/admissionregistration-v1.ts';
import { DecodeError } from '#api/decode.ts';
import { mutatingadmissionpolicies, mutatingadmissionpolicybindings } from '#api/resources.ts';
import type { KubeObject, Namespace } from '#api/types.ts';
import type { Value } from '#apimachinery/cel/contract.ts';
import { JSON_PATCH, OBJECT } from '#apimachinery/cel/library/mutation.ts';
import { BOOL, listOf } from '#apimachinery/cel/types.ts';
import { internalError, StatusError, type StatusReason } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import type { AdmissionAttributes, MutatingPlugin } from '../contract.ts';
import type { PolicyCheck } from '../metrics.ts';
import { refusal } from '../refusal.ts';
import { subjectOf } from '../webhooks/match.ts';
import type { ReviewSubject } from '../webhooks/review.ts';
import type { Form } from '../webhooks/versions.ts';
import { matchConditions } from './conditions.ts';
import type { PolicyDeps } from './deps.ts';
import { authorizerOf, Budget, Evaluation, OutOfBudget } from './evaluation.ts';
import { constraintsOf, formOf, isPolicy, type Constraints } from './match.ts';
import { namespaceOf } from './namespace.ts';
import { collectParams, ConfigurationError, paramResource } from './params.ts';
import { applyConfiguration, applyPatch, MutationError } from './patch.ts';
import { PolicySource, type Hook } from './source.ts';

const NAME = 'MutatingAdmissionPolicy';

interface MutatingPolicy {
  readonly name: string;
  readonly spec: MutatingAdmissionPolicy['spec'];
  readonly constraints: Constraints;
  readonly failOpen: boolean;
  readonly variables: ReadonlyMap<string, CompiledExpression>;
  readonly conditions: readonly CompiledExpression[];
  readonly mutations: readonly { readonly kind: 'apply' | 'patch'; readonly expression: CompiledExpression }[];
}

interface Binding {
  readonly name: string;
  readonly spec: MutatingAdmissionPolicyBinding['spec'];
  readonly constraints: Constraints | undefined;
}

interface Invocation {
  readonly policy: MutatingPolicy;
  readonly binding: Binding;
  readonly param: KubeObject | undefined;
  readonly form: Form;
  readonly key: string;
}

interface Refusal {
  readonly policy: string;
  readonly binding: string | undefined;
  readonly message: string;
  readonly reason: StatusReason;
}

/** What the first round leaves for the second. Source: policyReinvokeContext. */
interface Memory {
  lastOutput: KubeObject | undefined;
  invoked: Set<string>;
  again: Set<string>;
}

function compileMutatingPolicy({ metadata, spec }: MutatingAdmissionPolicy): MutatingPolicy {
  const offered: Offered = { params: spec.paramKind !== undefined, authorizer: true };
  const patching: Offered = { ...offered, patchTypes: true };
  const compiler = new PolicyCompiler();
  for (const { name, expression } of spec.variables ?? []) compiler.addVariable(name, expression, offered);
  return {
    name: metadata.name,
    spec,
    constraints: constraintsOf(spec.matchConstraints),
    failOpen: spec.failurePolicy === 'Ignore',
    variables: compiler.variables,
    conditions: (spec.matchConditions ?? []).map(({ expression }) => compiler.compile(expression, offered, [BOOL])),
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration: apply, jsonPatch }) =>
      patchType === 'JSONPatch'
        ? { kind: 'patch', expression: compiler.compile(jsonPatch?.expression ?? '', patching, [listOf(JSON_PATCH)]) }
        : { kind: 'apply', expression: compiler.compile(apply?.expression ?? '', patching, [OBJECT]) },
    ),
  };
}

export function mutatingAdmissionPolicy(deps: PolicyDeps): MutatingPlugin {
  const source = new PolicySource({
    reader: deps.reader,
    policies: mutatingadmissionpolicies,
    bindings: mutatingadmissionpolicybindings,
    compile: compileMutatingPolicy,
    prepare: ({ metadata, spec }: MutatingAdmissionPolicyBinding): Binding => ({
      name: metadata.name,
      spec,
      constraints: spec.matchResources === undefined ? undefined : constraintsOf(spec.matchResources),
    }),
  });
  return {
    name: NAME,
    operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
    admit(attributes) {
      const hooks = source.hooks();
      if (hooks.length === 0 || isPolicy(attributes)) return undefined;
      return new Dispatch(attributes, deps).run(hooks);
    },
  };
}

/** Source: mutating/metrics ErrorType. */
function errorType(error: unknown): PolicyCheck['error'] {
  if (error instanceof OutOfBudget) return 'out_of_budget';
  return error instanceof Error && error.message.startsWith('compilation') ? 'compile_error' : 'invalid_error';
}

/** One write before all policies, in one round. */
class Dispatch {
  readonly #deps: PolicyDeps;
  readonly #refusals: Refusal[] = [];
  readonly #memory: Memory;
  readonly #given: AdmissionAttributes;
  #current: AdmissionAttributes;

  constructor(attributes: AdmissionAttributes, deps: PolicyDeps) {
    this.#given = attributes;
    this.#current = attributes;
    this.#deps = deps;
    const known = attributes.rounds?.memory.get(NAME) as Memory | undefined;
    this.#memory = known ?? { lastOutput: undefined, invoked: new Set(), again: new Set() };
    attributes.rounds?.memory.set(NAME, this.#memory);
  }

  /** @throws StatusError */
  async run(hooks: readonly Hook<MutatingPolicy, Binding>[]): Promise<KubeObject | undefined> {
    const invocations = await this.#invocations(hooks);
    if (invocations.length > 0) await this.#invokeAll(invocations);
    if (this.#refusals.length > 0) throw denied(this.#refusals, this.#given);
    return this.#current.object === this.#given.object ? undefined : this.#current.object;
  }

  async #invocations(hooks: readonly Hook<MutatingPolicy, Binding>[]): Promise<readonly Invocation[]> {
    const invocations: Invocation[] = [];
    for (const { policy, bindings } of hooks) {
      const form = await formOf(policy.constraints, this.#given, this.#deps);
      if (form === undefined) continue;
      try {
        if (policy.spec.paramKind !== undefined) paramResource(policy.spec.paramKind, this.#deps);
      } catch (error) {
        this.#misconfigured(policy, undefined, error);
        continue;
      }
      for (const binding of bindings) {
        if (binding.constraints !== undefined && (await formOf(binding.constraints, this.#given, this.#deps)) === undefined) continue;
        try {
          const params = await collectParams(policy.spec.paramKind, binding.spec.paramRef, this.#given.namespace, this.#deps);
          for (const param of params) invocations.push({ policy, binding, param, form, key: keyOf(policy, binding, param) });
        } catch (error) {
          this.#misconfigured(policy, binding, error);
        }
      }
    }
    return invocations;
  }

  async #invokeAll(invocations: readonly Invocation[]): Promise<void> {
    const memory = this.#memory;
    if (this.#round === 1 && !deepEqual(memory.lastOutput, this.#given.object)) invokeAgain(memory);
    try {
      const namespace = await namespaceOf(this.#given, this.#deps.reader);
      const authorizer = authorizerOf(this.#given, this.#deps.authorizer);
      for (const invocation of invocations) await this.#invoke(invocation, namespace, authorizer);
    } finally {
      memory.lastOutput = this.#current.object;
    }
  }

  get #round(): 0 | 1 {
    return this.#given.rounds?.round ?? 0;
  }

  async #invoke(invocation: Invocation, namespace: Namespace | undefined, authorizer: Value): Promise<void> {
    const { policy, form, param, key } = invocation;
    const subject = await subjectOf(this.#current, form, this.#deps);
    const inputs = { subject, params: param, namespace, authorizer };
    const match = await matchConditions(policy.conditions, policy.variables, inputs);
    if (match === 'no') return;
    if (match !== 'yes') return this.#refuse(invocation, match.error);
    if (this.#round === 1 && !this.#memory.again.has(key)) return;
    if (subject.object !== undefined) await this.#mutate(invocation, subject, { namespace, authorizer });
    if (policy.spec.reinvocationPolicy === 'IfNeeded') this.#memory.invoked.add(key);
  }

  /** The mutations of a policy, each of what the one before it made. One that fails leaves the object as it was. */
  async #mutate(
    invocation: Invocation,
    before: ReviewSubject,
    offered: { readonly namespace: Namespace | undefined; readonly authorizer: Value },
  ): Promise<void> {
    const { policy, form, param } = invocation;
    let object = before.object as KubeObject;
    for (const { kind, expression } of policy.mutations) {
      const start = this.#deps.clock.monotonic();
      try {
        const inputs = { ...offered, subject: { ...before, object }, params: param };
        const value = await evaluated(expression, new Evaluation(inputs, policy.variables, new Budget()));
        object = this.#patched(kind, object, value, form);
        this.#count(invocation, 'no_error', start);
      } catch (error) {
        this.#count(invocation, errorType(error), start);
        if (!(error instanceof MutationError || error instanceof OutOfBudget)) throw error;
        this.#refuse(invocation, error.message);
      }
    }
    if (deepEqual(object, before.object)) return;
    this.#current = { ...this.#current, object: await this.#deps.versions.taken(object, this.#current, form) };
    invokeAgain(this.#memory);
    this.#given.rounds?.runAgain();
  }

  /** @param start of the mutation, by the monotonic clock */
  #count({ policy, binding }: Invocation, error: PolicyCheck['error'], start: number): void {
    const ms = this.#deps.clock.monotonic() - start;
    this.#deps.metrics.mutatingPolicy({ policy: policy.name, binding: binding.name, error, ms });
  }

  #patched(kind: 'apply' | 'patch', object: KubeObject, value: Value, form: Form): KubeObject {
    const schema = this.#deps.schema.kind(form.kind);
    if (schema === undefined) throw internalError(new Error(`Resource kind ${form.kind.kind} not found`));
    const patched = kind === 'apply' ? applyConfiguration(object, value, schema) : applyPatch(object, value);
    if (patched === object) return object;
    try {
      return this.#deps.versions.complete(patched, form, this.#deps.clock.now());
    } catch (error) {
      if (error instanceof DecodeError) throw internalError(error);
      throw error;
    }
  }

  #misconfigured(policy: MutatingPolicy, binding: Binding | undefined, error: unknown): void {
    if (!(error instanceof ConfigurationError)) throw error;
    if (policy.failOpen) return;
    const message = `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${error.message}`;
    this.#refusals.push({ policy: policy.name, binding: binding?.name, message, reason: '' });
  }

  #refuse({ policy, binding }: Invocation, message: string): void {
    if (!policy.failOpen) this.#refusals.push({ policy: policy.name, binding: binding.name, message, reason: 'Invalid' });
  }
}

/** @throws MutationError, OutOfBudget */
async function evaluated(expression: CompiledExpression, evaluation: Evaluation): Promise<Value> {
  if (expression.kind === 'failed') throw new MutationError(expression.error);
  const outcome = await evaluation.evaluate(expression);
  if ('error' in outcome) throw new MutationError(outcome.error);
  return outcome.value;
}

function invokeAgain(memory: Memory): void {
  for (const key of memory.invoked) memory.again.add(key);
  memory.invoked = new Set();
}

function keyOf({ name }: MutatingPolicy, binding: Binding, param: KubeObject | undefined): string {
  const { namespace = '', name: paramName = '' } = (param?.metadata ?? {}) as { readonly namespace?: string; readonly name?: string };
  return [name, binding.name, namespace, paramName].join('/');
}

/** The first policy's message and reason; the causes are those of all. The code is that of a refusal. */
function denied(refusals: readonly Refusal[], attributes: AdmissionAttributes): StatusError {
  const texts = refusals.map(({ policy, binding, message }) =>
    binding === undefined
      ? `policy "${policy}" denied request: ${message}`
      : `policy '${policy}' with binding '${binding}' denied request: ${message}`,
  );
  const { details, code } = refusal(attributes, '');
  const reason = refusals[0]?.reason ?? '';
  const causes = texts.map((message) => ({ message }));
  return new StatusError(reason === '' ? 'Forbidden' : reason, texts[0] as string, { ...details, causes }, code);
}
