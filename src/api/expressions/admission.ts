// Expressions of admission: match conditions of webhooks, and everything in admission policies. What they may refer to,
// and compiled forms of them. Source: apiserver pkg/admission/plugin/cel compile.go, composition.go.
import type { Environment, Program } from '#apimachinery/cel/contract.ts';
import { createEnvironment } from '#apimachinery/cel/environment.ts';
import { CompileError } from '#apimachinery/cel/errors.ts';
import { AUTHORIZER, RESOURCE_CHECK } from '#apimachinery/cel/library/authorizer.ts';
import {
  BOOL,
  DYN,
  INT,
  listOf,
  mapOf,
  objectOf,
  sameType,
  showType,
  STRING,
  TIMESTAMP,
  type ObjectField,
  type ObjectType,
  type Type,
} from '#apimachinery/cel/types.ts';

/** What an expression is offered beside `object`, `oldObject`, `request` and `namespaceObject`. */
export interface Offered {
  readonly params: boolean;
  readonly authorizer: boolean;
  /** `Object{…}` and `JSONPatch{…}`. */
  readonly patchTypes?: boolean;
}

export type CompiledExpression =
  | { readonly kind: 'program'; readonly source: string; readonly program: Program }
  /** `error` is upstream's text: `compilation failed: ERROR: <input>:1:1: …`. */
  | { readonly kind: 'failed'; readonly source: string; readonly error: string };

const STRINGS = listOf(STRING);
const GVK = objectOf('kubernetes.GroupVersionKind', { group: STRING, version: STRING, kind: STRING });
const GVR = objectOf('kubernetes.GroupVersionResource', { group: STRING, version: STRING, resource: STRING });
const USER = objectOf('kubernetes.UserInfo', { username: STRING, uid: STRING, groups: STRINGS, extra: mapOf(STRING, STRINGS) });

/** Source: BuildRequestType. */
const REQUEST = objectOf('kubernetes.AdmissionRequest', {
  kind: GVK,
  resource: GVR,
  subResource: STRING,
  requestKind: GVK,
  requestResource: GVR,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo: USER,
  dryRun: BOOL,
  options: DYN,
});

/** Source: BuildNamespaceType. */
const NAMESPACE = objectOf('kubernetes.Namespace', {
  metadata: objectOf('kubernetes.NamespaceMetadata', {
    name: STRING,
    generateName: STRING,
    namespace: STRING,
    labels: mapOf(STRING, STRING),
    annotations: mapOf(STRING, STRING),
    UID: STRING,
    creationTimestamp: TIMESTAMP,
    deletionGracePeriodSeconds: INT,
    deletionTimestamp: TIMESTAMP,
    generation: INT,
    resourceVersion: STRING,
    finalizers: STRINGS,
  }),
  spec: objectOf('kubernetes.NamespaceSpec', { finalizers: STRINGS }),
  status: objectOf('kubernetes.NamespaceStatus', {
    conditions: listOf(
      objectOf('kubernetes.NamespaceCondition', {
        status: STRING,
        type: STRING,
        lastTransitionTime: TIMESTAMP,
        message: STRING,
        reason: STRING,
      }),
    ),
    phase: STRING,
  }),
});

/** Types of the objects an expression sees, where a schema is known: for type checking of stored policies. */
export interface ObjectTypes {
  readonly object: Type;
  readonly params: Type;
}

const UNTYPED: ObjectTypes = { object: DYN, params: DYN };

function environmentOf({ params, authorizer, patchTypes = false }: Offered, types: ObjectTypes): Environment {
  return createEnvironment({
    patchTypes,
    variables: {
      object: types.object,
      oldObject: types.object,
      namespaceObject: NAMESPACE,
      request: REQUEST,
      ...(params && { params: types.params }),
      ...(authorizer && { authorizer: AUTHORIZER, 'authorizer.requestResource': RESOURCE_CHECK }),
    },
  });
}

const untyped = new Map<string, Environment>();
const keyOf = ({ params, authorizer, patchTypes = false }: Offered): string => JSON.stringify([params, authorizer, patchTypes]);

function environment(offered: Offered, types: ObjectTypes): Environment {
  if (types !== UNTYPED) return environmentOf(offered, types);
  const key = keyOf(offered);
  let known = untyped.get(key);
  if (known === undefined) untyped.set(key, (known = environmentOf(offered, UNTYPED)));
  return known;
}

/** @param results types the expression may have; any when absent */
export function compileExpression(source: string, offered: Offered, results?: readonly Type[]): CompiledExpression {
  return compileIn(environment(offered, UNTYPED), source, results);
}

function compileIn(env: Environment, source: string, results: readonly Type[] | undefined): CompiledExpression {
  try {
    const program = env.compile(source);
    const found = program.resultType;
    if (results === undefined || results.some((type) => sameType(type, found))) return { kind: 'program', source, program };
    const wanted = results.length === 1 ? showType(results[0] as Type) : `one of [${results.map(showType).join(' ')}]`;
    return { kind: 'failed', source, error: `must evaluate to ${wanted} but got ${showType(found)}` };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const stage = error.stage === 'check' ? 'compilation failed' : 'program instantiation failed';
    return { kind: 'failed', source, error: `${stage}: ${error.message}` };
  }
}

/** Compiles the expressions of one policy; those after a variable may refer to it as `variables.name`. */
export class PolicyCompiler {
  readonly #types: ObjectTypes;
  readonly #variables = new Map<string, CompiledExpression>();
  /** Of `variables`, in environments that are kept: it grows with each, so that a thousand cost no more than a thousand times one. */
  readonly #fields = new Map<string, ObjectField>();
  readonly #environments = new Map<string, Environment>();

  constructor(types: ObjectTypes = UNTYPED) {
    this.#types = types;
  }

  /** By name, in the order they were added. */
  get variables(): ReadonlyMap<string, CompiledExpression> {
    return this.#variables;
  }

  compile(source: string, offered: Offered, results?: readonly Type[]): CompiledExpression {
    return compileIn(this.#environment(offered), source, results);
  }

  addVariable(name: string, source: string, offered: Offered): CompiledExpression {
    const compiled = this.compile(source, offered);
    this.#variables.set(name, compiled);
    this.#fields.set(name, { json: name, type: variableType(compiled) });
    return compiled;
  }

  #environment(offered: Offered): Environment {
    const key = keyOf(offered);
    let known = this.#environments.get(key);
    if (known === undefined) {
      const variables: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields: this.#fields };
      this.#environments.set(key, (known = environment(offered, this.#types).extend({ variables })));
    }
    return known;
  }
}

const KEPT: ReadonlySet<string> = new Set(['bool', 'bytes', 'double', 'duration', 'int', 'null_type', 'string', 'timestamp', 'uint']);

/** Lists, maps and simple types stay known; anything else is dynamic to those who refer to it. */
function variableType(variable: CompiledExpression): Type {
  return variable.kind === 'program' ? known(variable.program.resultType) : DYN;
}

function known(type: Type): Type {
  if (type.kind === 'list') return listOf(known(type.items));
  if (type.kind === 'map') return mapOf(known(type.keys), known(type.values));
  return KEPT.has(type.kind) ? type : DYN;
}
