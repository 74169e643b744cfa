// The expressions in the schema of a definition: they compile, and even on the largest objects the schema allows they cost
// no more than they may. Source: apiextensions-apiserver validateCustomResourceDefinitionOpenAPISchema, CELSchemaContext.
import { leastBytes, MAX_REQUEST_BYTES, schemaType } from '#apimachinery/cel/schema-type.ts';
import type { FieldError } from '#apimachinery/field-errors.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { isObject } from '#apimachinery/json-value.ts';
import type { JSONSchemaProps, ValidationRule } from '../../gen/apiextensions-v1.ts';
import { compileRules, type CompiledRule } from '../../structural/rules/compile.ts';
import { entries, type Problems } from '../problems.ts';

type Props = JSONSchemaProps;

/** Source: StaticEstimatedCostLimit, StaticEstimatedCRDCostLimit. */
const EXPRESSION_LIMIT = 10_000_000;
const SCHEMA_LIMIT = 100_000_000;
/** Rules that are told about when all of them together cost too much. */
const MOST_EXPENSIVE = 4;
const MOST = 2 ** 64;

const RULES = 'x-kubernetes-validations';

interface Options {
  /** Expressions of a schema that did not change may cost what they did. */
  readonly anyCost: boolean;
  /** What is wrong with the schema otherwise: rules around that are not looked at. */
  readonly broken: readonly FieldError[];
}

interface Place {
  readonly root: boolean;
  /** How often what the schema describes can occur in one object; undefined where nothing bounds that. */
  readonly times: number | undefined;
  /** Below it, nobody knows which value an old value was. */
  readonly uncorrelated: Path | undefined;
}

export function validateRuleExpressions(out: Problems, at: Path, schema: Props, options: Options): void {
  const check = new ExpressionCheck(out, options);
  check.visit(at, schema, { root: true, times: 1, uncorrelated: undefined });
  check.finish(at);
}

class ExpressionCheck {
  readonly #out: Problems;
  readonly #anyCost: boolean;
  readonly #broken: readonly string[];
  readonly #costs: { readonly at: Path; readonly cost: number }[] = [];
  #total = 0;

  constructor(out: Problems, { anyCost, broken }: Options) {
    this.#out = out;
    this.#anyCost = anyCost;
    this.#broken = broken.map(({ field }) => field);
  }

  visit(at: Path, schema: Props, place: Place): void {
    const times = childTimes(schema, place.times);
    const nested: Place = { root: false, times, uncorrelated: place.uncorrelated };
    if (isObject(schema.additionalProperties)) this.visit(at.child('additionalProperties'), schema.additionalProperties as Props, nested);
    const members = isCorrelatable(schema['x-kubernetes-map-type']) ? nested : { ...nested, uncorrelated: place.uncorrelated ?? at };
    for (const [name, property] of entries(schema.properties)) this.visit(at.child('properties').key(name), property, members);
    if (isObject(schema.items)) {
      const uncorrelated = schema['x-kubernetes-list-type'] === 'map' ? place.uncorrelated : (place.uncorrelated ?? at);
      this.visit(at.child('items'), schema.items as Props, { ...nested, uncorrelated });
    }
    if ((schema[RULES] ?? []).length > 0 && !this.#isBroken(at.toString())) this.#checkRules(at.child(RULES), schema, place);
  }

  #isBroken(path: string): boolean {
    return this.#broken.some((field) => field.startsWith(path));
  }

  #checkRules(at: Path, schema: Props, place: Place): void {
    const whole = place.root || schema['x-kubernetes-embedded-resource'] === true;
    const type = schemaType(schema, 'selfType', whole);
    if (type === undefined) {
      const reason = 'unable to convert structural schema to CEL declarations';
      const detail = `internal error: failed to construct type information for x-kubernetes-validations rules: ${reason}`;
      return this.#out.internal(at, detail);
    }
    const times = place.times ?? Math.trunc(MAX_REQUEST_BYTES / (leastBytes(schema, whole) + 1));
    compileRules(schema, type).forEach((compiled, i) => this.#checkRule(at.index(i), compiled, times, place.uncorrelated));
  }

  #checkRule(at: Path, compiled: CompiledRule, times: number, uncorrelated: Path | undefined): void {
    const { rule, program, message, problem, messageProblem, usesOld } = compiled;
    const path = at.child('rule');
    this.#checkCost(path, 'estimated rule cost', product(program?.estimateCost().max ?? 0, times));
    if (problem !== undefined) this.#out.invalid(path, inGo(rule), problem);
    if (messageProblem !== undefined) this.#out.invalid(at.child('messageExpression'), inGo(rule), messageProblem);
    if (message !== undefined)
      this.#checkCost(at.child('messageExpression'), 'estimated messageExpression cost', message.estimateCost().max);
    if (usesOld && uncorrelated !== undefined) {
      const where = uncorrelated.toString();
      this.#out.invalid(path, rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${where}`);
    }
    if (!usesOld && rule.optionalOldSelf !== undefined)
      this.#out.invalid(at.child('optionalOldSelf'), rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule');
  }

  #checkCost(at: Path, what: string, cost: number): void {
    if (!this.#anyCost && cost > EXPRESSION_LIMIT) this.#out.forbidden(at, excess(what, cost, EXPRESSION_LIMIT));
    this.#total = Math.min(this.#total + cost, MOST);
    if (cost >= SCHEMA_LIMIT / 100) this.#costs.push({ at, cost });
  }

  /** Says when all rules together cost too much. */
  finish(at: Path): void {
    if (this.#total <= SCHEMA_LIMIT) return;
    const expensive = this.#costs.toSorted((a, b) => b.cost - a.cost).slice(0, MOST_EXPENSIVE);
    for (const { at: path } of expensive)
      this.#out.forbidden(path, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema');
    const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    this.#out.forbidden(at, excess(what, this.#total, SCHEMA_LIMIT));
  }
}

/** Source: cel MapIsCorrelatable. */
const isCorrelatable = (mapType: string | undefined): boolean => mapType === undefined || mapType === 'granular' || mapType === 'atomic';

const product = (a: number, b: number): number => Math.min(a * b, MOST);

/** Source: extractMaxElements. */
function childTimes({ type, additionalProperties, maxProperties, maxItems }: Props, times: number | undefined): number | undefined {
  const listed = type === 'array';
  const mapped = type === 'object' && additionalProperties !== undefined;
  if (times === undefined || (!listed && !mapped)) return times;
  const most = listed ? maxItems : maxProperties;
  return most === undefined ? undefined : product(times, Math.max(0, Number(most)));
}

/** Source: getCostErrorMessage. */
function excess(what: string, cost: number, limit: number): string {
  const by = cost / limit;
  const factor = by > 100 ? 'more than 100x' : by < 1.5 ? `${by.toFixed(6)}x` : `${by.toFixed(1)}x`;
  const advice = 'try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared';
  return `${what} exceeds budget by factor of ${factor} (${advice})`;
}

/** A rule as upstream's messages show it: with the names of its members in Go. */
function inGo({ rule, message = '', messageExpression = '', reason, fieldPath = '', optionalOldSelf }: ValidationRule): object {
  return {
    Rule: rule,
    Message: message,
    MessageExpression: messageExpression,
    Reason: reason ?? null,
    FieldPath: fieldPath,
    OptionalOldSelf: optionalOldSelf ?? null,
  };
}
