// Environments: Kubernetes' libraries, and the variables of one kind of expression.
// Source: apiserver pkg/cel/environment/base.go, as of compatibility version 1.36.
import { check } from './check/checker.ts';
import { checkLiterals } from './check/literals.ts';
import type { Declarations } from './check/scope.ts';
import type { Environment, EnvironmentOptions, Program } from './contract.ts';
import { CompileError, EvaluationError, fail } from './errors.ts';
import { mergeFunctions, type Library } from './functions.ts';
import { AUTHORIZERS } from './library/authorizer.ts';
import { FORMAT_LIBRARY } from './library/format.ts';
import { LISTS } from './library/lists.ts';
import { constructPatch, patchStruct, PATCHES } from './library/mutation.ts';
import { NETWORK } from './library/network.ts';
import { OPTIONALS } from './library/optionals.ts';
import { QUANTITIES } from './library/quantity.ts';
import { REGEX } from './library/regex.ts';
import { SEMVERS } from './library/semver.ts';
import { STANDARD } from './library/standard.ts';
import { STRINGS_LIBRARY } from './library/strings.ts';
import { URLS } from './library/urls.ts';
import { parse } from './parse/parser.ts';
import { makePlan, type Construct, type Plan } from './plan/plan.ts';
import { CompiledProgram } from './program.ts';
import { Problems } from './source.ts';
import type { Type } from './types.ts';
import { TypeValue } from './values/values.ts';
import type { Node } from './check/node.ts';

const LIBRARIES: readonly Library[] = [
  STANDARD,
  OPTIONALS,
  STRINGS_LIBRARY,
  LISTS,
  REGEX,
  URLS,
  NETWORK,
  QUANTITIES,
  FORMAT_LIBRARY,
  SEMVERS,
  AUTHORIZERS,
];

const BASE = mergeFunctions(LIBRARIES);
const WITH_PATCHES = mergeFunctions([...LIBRARIES, PATCHES]);
const TYPE_NAMES = new Map(
  [...LIBRARIES].flatMap(({ types = {} }) => Object.entries(types).map(([name, type]) => [name, new TypeValue(type, name)] as const)),
);

export function createEnvironment(options: EnvironmentOptions): Environment {
  return new KubernetesEnvironment(options);
}

class KubernetesEnvironment implements Environment {
  readonly #options: EnvironmentOptions;
  readonly #declarations: Declarations;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
    this.#declarations = {
      variables: new Map(Object.entries(options.variables)),
      functions: options.patchTypes === true ? WITH_PATCHES : BASE,
      typeNames: TYPE_NAMES,
      structType: options.patchTypes === true ? patchStruct : () => undefined,
    };
  }

  extend(variables: Readonly<Record<string, Type>>): Environment {
    return new KubernetesEnvironment({ ...this.#options, variables: { ...this.#options.variables, ...variables } });
  }

  compile(source: string): Program {
    const problems = new Problems(source);
    const expr = parse(source, problems, { bindings: this.#options.bindings === true });
    if (expr === undefined) throw new CompileError(problems.issues());
    const root = check(expr, this.#declarations, problems);
    if (!problems.any) checkLiterals(root, problems, this.#options.mixedLiterals === true);
    if (problems.any) throw new CompileError(problems.issues());
    const plan = planOf(root, this.#options.patchTypes === true ? constructPatch : noStructs);
    return new CompiledProgram(source, root, plan, this.#declarations.variables);
  }
}

const noStructs: Construct = (name) => fail(`unknown type: ${name}`);

/** A constant that cannot be worked out makes no program. */
function planOf(root: Node, construct: Construct): Plan {
  try {
    return makePlan(root, construct);
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    throw new CompileError([{ message: error.message, line: 0, column: 0, text: error.message }], 'program');
  }
}
