// A schema's `x-kubernetes-validations` as a walk through the values they are about; expressions are compiled when the
// first value comes. Source: apiextensions pkg/apiserver/schema/cel validation.go Validator.
import { schemaType } from '#apimachinery/cel/schema-type.ts';
import type { FieldError } from '#apimachinery/field-errors.ts';
import { isJsonObject, type JsonObject } from '../../json-object.ts';
import type { Props } from '../from-crd.ts';
import { oldItems } from '../validation/old-items.ts';
import { NO_OLD } from '../validation/run.ts';
import { sameAsBefore } from '../validation/sameness.ts';
import { compileRules, type CompiledRule } from './compile.ts';
import { evaluateRules } from './evaluate.ts';
import { RuleRun } from './run.ts';

export interface RuleFindings {
  readonly errors: readonly FieldError[];
  /** What a changed object may keep, being wrong as it was. */
  readonly warnings: readonly string[];
}

export interface RuleValidator {
  create(value: unknown): RuleFindings;
  /** @param ratchets what is as it was may be wrong */
  update(value: unknown, old: unknown, ratchets?: boolean): RuleFindings;
}

/** undefined for a schema without rules. @param at where the values are; empty for whole objects */
export function compileRuleValidator(props: Props | undefined, at = '', wholeObject = true): RuleValidator | undefined {
  if (props === undefined || !hasRules(props)) return undefined;
  let made: Walk | undefined;
  const run = (value: unknown, old: unknown, ratchets: boolean): RuleFindings => {
    made ??= compileWalk(props, wholeObject) ?? NOTHING;
    const found = new RuleRun(at);
    made(value, old, { near: undefined, ratchets }, found);
    return found;
  };
  return { create: (value) => run(value, NO_OLD, false), update: (value, old, ratchets = true) => run(value, old, ratchets) };
}

function hasRules({ items, additionalProperties, properties = {}, ...props }: Props): boolean {
  if ((props['x-kubernetes-validations'] ?? []).length > 0) return true;
  const nested = [items, additionalProperties, ...Object.values(properties)];
  return nested.some((schema) => isJsonObject(schema) && hasRules(schema as Props));
}

/** A value and what it was. */
class Pair {
  readonly #props: Props;
  readonly #value: unknown;
  readonly #old: unknown;
  #same: boolean | undefined;

  constructor(props: Props, value: unknown, old: unknown) {
    this.#props = props;
    this.#value = value;
    this.#old = old;
  }

  get same(): boolean {
    this.#same ??= sameAsBefore(this.#props, this.#value, this.#old);
    return this.#same;
  }
}

interface Surroundings {
  /** The nearest value around this one that has an old one. */
  readonly near: Pair | undefined;
  /** Whether what is as it was may be wrong. */
  readonly ratchets: boolean;
}

type Walk = (value: unknown, old: unknown, around: Surroundings, run: RuleRun) => void;

const NOTHING: Walk = () => undefined;

/** Values whose schemas have no type, and so no rules can see, are passed over. */
function compileWalk(props: Props, whole: boolean): Walk | undefined {
  const rules = ownRules(props, whole);
  const items = nestedWalk(props.items);
  const values = nestedWalk(props.additionalProperties);
  const members = new Map(
    Object.entries(props.properties ?? {}).flatMap(([name, nested]) => {
      const walk = nestedWalk(nested);
      return walk === undefined ? [] : [[name, walk] as const];
    }),
  );
  if (rules.length === 0 && items === undefined && values === undefined && members.size === 0) return undefined;
  return (value, old, around, run) => {
    if (value === null || value === undefined) return;
    const before = old === NO_OLD || old === null ? undefined : (old as NonNullable<unknown>);
    const pair = before === undefined ? undefined : new Pair(props, value, before);
    const tolerated = (): boolean => around.ratchets && (pair ?? around.near)?.same === true;
    if (rules.length > 0) evaluateRules(rules, props, { value, old: before, tolerated }, run);
    const within: Surroundings = { near: pair ?? around.near, ratchets: around.ratchets };
    if (Array.isArray(value)) {
      if (items !== undefined) walkItems(value, oldItems(props, value, before), items, within, run);
    } else if (isJsonObject(value)) {
      const isRoot = whole && around.near === undefined;
      walkMembers(value, isJsonObject(before) ? before : undefined, { members, values, isRoot }, within, run);
    }
  };
}

function ownRules(props: Props, whole: boolean): readonly CompiledRule[] {
  if ((props['x-kubernetes-validations'] ?? []).length === 0) return [];
  const type = schemaType(props, 'selfType', whole);
  return type === undefined ? [] : compileRules(props, type);
}

function nestedWalk(schema: unknown): Walk | undefined {
  if (!isJsonObject(schema)) return undefined;
  const props = schema as Props;
  return compileWalk(props, props['x-kubernetes-embedded-resource'] === true);
}

function walkItems(list: readonly unknown[], old: (index: number) => unknown, walk: Walk, within: Surroundings, run: RuleRun): void {
  for (let i = 0; i < list.length && !run.stopped; i++) {
    run.enter(`[${i}]`);
    walk(list[i], old(i), within, run);
    run.leave();
  }
}

interface Members {
  readonly members: ReadonlyMap<string, Walk>;
  readonly values: Walk | undefined;
  readonly isRoot: boolean;
}

function walkMembers(
  object: JsonObject,
  before: JsonObject | undefined,
  { members, values, isRoot }: Members,
  within: Surroundings,
  run: RuleRun,
): void {
  const visit = (name: string, walk: Walk, step: string): void => {
    if (run.stopped) return;
    // Both objects have been brought to one version, so that its name says nothing of what changed.
    const around = isRoot && (name === 'apiVersion' || name === 'kind') ? { near: undefined, ratchets: false } : within;
    run.enter(step);
    walk(object[name], before !== undefined && Object.hasOwn(before, name) ? before[name] : NO_OLD, around, run);
    run.leave();
  };
  if (values !== undefined) for (const name of Object.keys(object)) visit(name, values, `[${name}]`);
  for (const [name, walk] of members) if (Object.hasOwn(object, name)) visit(name, walk, `.${name}`);
}
