// Label selectors: the string syntax of `?labelSelector=`, the LabelSelector object, and matching.
// Source: apimachinery pkg/labels selector.go, meta/v1 helpers.go.
import { byteOrder, goQuote, sortedMap } from './go-format.ts';
import { parseRequirements } from './label-parser.ts';
import { LabelRequirement, newRequirement, SelectorError, type LabelOperator, type Labels } from './label-requirement.ts';

/** The LabelSelector object of meta/v1, with its members as a writer may leave them. */
export interface LabelSelectorObject {
  readonly matchLabels?: Labels | undefined;
  readonly matchExpressions?:
    | readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[]
    | undefined;
}

/** As upstream's messages print one; `nil` without. Source: generated LabelSelector.String. */
export function goLabelSelector(selector: LabelSelectorObject | undefined): string {
  if (selector === undefined) return 'nil';
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const labels = Object.entries(sortedMap(matchLabels)).map(([key, value]) => `${key}: ${value},`);
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}

const NO_LABELS: Labels = {};

/** All requirements hold. Immutable. */
export class LabelSelector {
  /** In byte order of keys; none for a selector of everything. */
  readonly requirements: readonly LabelRequirement[];
  /** False for the selector of nothing, which no requirements can say. */
  readonly selectable: boolean;
  #text: string | undefined;

  constructor(requirements: readonly LabelRequirement[], selectable = true) {
    this.requirements = requirements;
    this.selectable = selectable;
  }

  matches(labels: Labels | undefined): boolean {
    if (!this.selectable) return false;
    const given = labels ?? NO_LABELS;
    for (const requirement of this.requirements) if (!requirement.matches(given)) return false;
    return true;
  }

  /** Whether it restricts nothing. */
  get empty(): boolean {
    return this.selectable && this.requirements.length === 0;
  }

  /** The one value that label `key` must have, for an index; undefined where there is none. */
  requiresExactMatch(key: string): string | undefined {
    const first = this.requirements.find((r) => r.key === key);
    if (first === undefined || first.values.length !== 1) return undefined;
    return first.operator === '=' || first.operator === '==' || first.operator === 'in' ? first.values[0] : undefined;
  }

  and(...more: readonly LabelRequirement[]): LabelSelector {
    return this.selectable ? new LabelSelector(byKey([...this.requirements, ...more])) : this;
  }

  /** The string syntax; parsing it again gives an equal selector. Empty for everything and for nothing. */
  toString(): string {
    this.#text ??= this.requirements.join(',');
    return this.#text;
  }
}

const byKey = (requirements: readonly LabelRequirement[]): readonly LabelRequirement[] =>
  requirements.toSorted((a, b) => byteOrder(a.key, b.key));

export const everything: LabelSelector = new LabelSelector([]);
export const nothing: LabelSelector = new LabelSelector([], false);

/**
 * Reads the string syntax: `app=web,tier in (a,b),!legacy,x!=y,n>3`. Empty selects everything.
 * @throws SelectorError with upstream's text
 */
export function parseLabelSelector(text: string): LabelSelector {
  return text === '' ? everything : new LabelSelector(byKey(parseRequirements(text)));
}

const OBJECT_OPERATORS: Readonly<Record<string, LabelOperator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

const compiled = new WeakMap<LabelSelectorObject, LabelSelector>();
const ofSets = new WeakMap<Labels, LabelSelector>();

/**
 * The selector that a LabelSelector object stands for: none selects nothing, an empty one everything. The answer is
 * kept for the object, which must not change.
 * @throws SelectorError with upstream's text. Source: LabelSelectorAsSelector.
 */
export function selectorFromObject(object: LabelSelectorObject | undefined | null): LabelSelector {
  if (object === undefined || object === null) return nothing;
  const known = compiled.get(object);
  if (known !== undefined) return known;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(object.matchLabels ?? {})) requirements.push(newRequirement(key, '=', [value]));
  for (const { key, operator, values } of object.matchExpressions ?? []) {
    const known = Object.hasOwn(OBJECT_OPERATORS, operator) ? OBJECT_OPERATORS[operator] : undefined;
    if (known === undefined) throw new SelectorError(`${goQuote(operator)} is not a valid label selector operator`);
    requirements.push(newRequirement(key, known, values ?? []));
  }
  const selector = requirements.length === 0 ? everything : new LabelSelector(byKey(requirements));
  compiled.set(object, selector);
  return selector;
}

/**
 * Every pair must be there, unvalidated: a Service's or ReplicationController's selector. What is made of a set is kept for
 * it; it must not change. Source: SelectorFromSet.
 */
export function selectorFromSet(set: Labels | undefined): LabelSelector {
  if (set === undefined) return everything;
  let selector = ofSets.get(set);
  if (selector === undefined) ofSets.set(set, (selector = requiringAll(Object.entries(set))));
  return selector;
}

function requiringAll(pairs: readonly (readonly [key: string, value: string])[]): LabelSelector {
  if (pairs.length === 0) return everything;
  return new LabelSelector(byKey(pairs.map(([key, value]) => new LabelRequirement(key, '=', [value]))));
}

/** For tables: the string syntax, `<none>` for everything and nothing, `<error>`. Source: FormatLabelSelector. */
export function formatLabelSelector(object: LabelSelectorObject | undefined | null): string {
  try {
    return selectorFromObject(object).toString() || '<none>';
  } catch (error) {
    if (error instanceof SelectorError) return '<error>';
    throw error;
  }
}
