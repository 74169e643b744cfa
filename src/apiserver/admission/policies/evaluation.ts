// Expressions of a policy evaluated for one write: what they see, what they may spend, what became of each.
// Source: apiserver pkg/admission/plugin/cel activation.go, composition.go, condition.go.
import type { CompiledExpression } from '#api/expressions/admission.ts';
import type { KubeObject, Namespace } from '#api/types.ts';
import type { Activation, AuthorizerHost, Value } from '#apimachinery/cel/contract.ts';
import { EvaluationError } from '#apimachinery/cel/errors.ts';
import { authorizerValue, resourceCheckValue } from '#apimachinery/cel/library/authorizer.ts';
import { RUNTIME_BUDGET } from '#apimachinery/cel/limits.ts';
import type { Authorizer } from '../../authorization/contract.ts';
import type { AdmissionAttributes } from '../contract.ts';
import { requestOf, type ReviewSubject } from '../webhooks/review.ts';

/** What all expressions of one policy, binding and param may spend together. */
export class Budget {
  #left: number;

  constructor(units: number = RUNTIME_BUDGET) {
    this.#left = units;
  }

  /** @throws OutOfBudget */
  take(cost: number): void {
    if (cost > this.#left) throw new OutOfBudget();
    this.#left -= cost;
  }
}

export class OutOfBudget extends Error {
  override readonly name = 'OutOfBudget';

  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

/** Members of the activation that do not depend on the expression. */
export interface Inputs {
  readonly subject: ReviewSubject;
  readonly params: KubeObject | undefined;
  /** Absent for what has no namespace, and for match conditions. */
  readonly namespace: Namespace | undefined;
  /** Absent where expressions may not ask. */
  readonly authorizer: Value | undefined;
}

export type Outcome = { readonly value: Value } | { readonly error: string };

/** One pass over expressions: variables are worked out once at most, when one of them is first referred to. */
export class Evaluation {
  readonly #activation: Activation;
  readonly #variables: Variables;
  readonly #budget: Budget;

  constructor(inputs: Inputs, variables: ReadonlyMap<string, CompiledExpression>, budget: Budget) {
    const { subject, params, namespace, authorizer } = inputs;
    const { attributes } = subject;
    this.#variables = new Variables(variables, () => this.#activation);
    this.#budget = budget;
    this.#activation = {
      object: subject.object ?? null,
      oldObject: subject.oldObject ?? null,
      params: params ?? null,
      request: () => requestOf(subject),
      namespaceObject: () => (namespace === undefined ? null : exposed(namespace)),
      variables: this.#variables,
      ...(authorizer !== undefined && { authorizer, 'authorizer.requestResource': requestResource(authorizer, attributes) }),
    };
  }

  /** @throws OutOfBudget */
  async evaluate(expression: CompiledExpression): Promise<Outcome> {
    if (expression.kind === 'failed') return { error: `compilation error: ${expression.error}` };
    try {
      const { value, cost } = await expression.program.evaluateAsync(this.#activation);
      this.#spend(cost);
      return { value };
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      this.#spend(error.cost);
      return { error: `expression '${expression.source}' resulted in error: ${error.message}` };
    }
  }

  #spend(cost: number): void {
    this.#budget.take(this.#variables.takeCost());
    this.#budget.take(cost);
  }
}

/** The value of `variables`. */
class Variables {
  readonly #compiled: ReadonlyMap<string, CompiledExpression>;
  readonly #activation: () => Activation;
  readonly #values = new Map<string, Value>();
  #cost = 0;

  constructor(compiled: ReadonlyMap<string, CompiledExpression>, activation: () => Activation) {
    this.#compiled = compiled;
    this.#activation = activation;
  }

  get size(): number {
    return this.#compiled.size;
  }

  keys(): Iterable<Value> {
    return this.#compiled.keys();
  }

  get(key: Value): Value | undefined {
    const name = String(key);
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const variable = this.#compiled.get(name);
    if (variable === undefined) return undefined;
    const value = this.#evaluate(name, variable);
    this.#values.set(name, value);
    return value;
  }

  /** What variables have cost since this was last asked. */
  takeCost(): number {
    const cost = this.#cost;
    this.#cost = 0;
    return cost;
  }

  #evaluate(name: string, variable: CompiledExpression): Value {
    if (variable.kind === 'failed') throw new EvaluationError(`composited variable "${name}" fails to compile: ${variable.error}`);
    try {
      const { value, cost } = variable.program.evaluate(this.#activation());
      this.#cost += cost;
      return value;
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      this.#cost += error.cost;
      throw new EvaluationError(`composited variable "${name}" fails to evaluate: ${error.message}`);
    }
  }
}

function requestResource(authorizer: Value, { resource, subresource, namespace, name }: AdmissionAttributes): Value {
  return resourceCheckValue(authorizer, { group: resource.group, resource: resource.resource, subresource, namespace, name });
}

/** What expressions may see of a namespace. Source: CreateNamespaceObject. */
function exposed({ metadata, spec, status }: Namespace): object {
  const { managedFields: _, ownerReferences: __, ...rest } = metadata as typeof metadata & { ownerReferences?: unknown };
  return { metadata: rest, spec, status };
}

/** `authorizer` for the user of a write; answers are shared by all policies that judge it. */
export function authorizerOf({ user, request }: AdmissionAttributes, authorizer: Authorizer): Value {
  const host: AuthorizerHost = {
    authorize({ serviceAccount, path, ...check }) {
      const who = serviceAccount === undefined ? user : serviceAccountUser(serviceAccount);
      const isResourceRequest = path === '';
      const answer = authorizer.authorize({ ...check, user: who, isResourceRequest, version: isResourceRequest ? '*' : '', path }, request);
      return answer instanceof Promise ? answer.then(told) : told(answer);
    },
  };
  return authorizerValue(host);
}

type Answer = Awaited<ReturnType<Authorizer['authorize']>>;
const told = ({ decision, reason, error }: Answer) => ({ decision, reason, error: error?.message ?? '' });

function serviceAccountUser({ namespace, name }: { readonly namespace: string; readonly name: string }): AdmissionAttributes['user'] {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
  };
}
