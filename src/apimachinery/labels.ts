// Label selectors: the string syntax of `?labelSelector=`, the LabelSelector object, and matching.
// Source: apimachinery pkg/labels selector.go, meta/v1 helpers.go.
import { aggregateText, errorText, invalid, notSupported, type FieldError } from './field-errors.ts';
import { NO_PATH, Path } from './field-path.ts';
import { byteOrder, goQuote, sortedMap } from './go-format.ts';
import { lexSelector, type SelectorToken, type Token } from './label-lexer.ts';
import { labelValue, qualifiedName } from './names.ts';

/** Source: selection.Operator. */
export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'gt' | 'lt' | 'exists' | '!';

const BINARY_OPERATORS: readonly LabelOperator[] = ['in', 'notin', '=', '==', '!=', 'gt', 'lt'];
const OPERATORS: readonly LabelOperator[] = [...BINARY_OPERATORS, 'exists', '!'];

export type Labels = Readonly<Record<string, string>>;

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

/** A selector that cannot be read; the message is upstream's. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

/** One condition; `values` in byte order where parsed from a string. */
export class LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
  readonly #bound: bigint | undefined;

  /** Does not validate: see newRequirement. */
  constructor(key: string, operator: LabelOperator, values: readonly string[]) {
    this.key = key;
    this.operator = operator;
    this.values = values;
    this.#bound = operator === 'gt' || operator === 'lt' ? parseInt64(values[0] ?? '') : undefined;
  }

  matches(labels: Labels): boolean {
    // A label map comes from JSON: anything but a string is inherited, so absent.
    const value: unknown = labels[this.key];
    const present = typeof value === 'string';
    switch (this.operator) {
      case 'exists':
        return present;
      case '!':
        return !present;
      case '=':
      case '==':
      case 'in':
        return present && this.#holds(value);
      case '!=':
      case 'notin':
        return !present || !this.#holds(value);
      default: {
        const actual = present ? parseInt64(value) : undefined;
        if (actual === undefined || this.#bound === undefined) return false;
        return this.operator === 'gt' ? actual > this.#bound : actual < this.#bound;
      }
    }
  }

  #holds(value: string): boolean {
    return this.values.length === 1 ? this.values[0] === value : this.values.includes(value);
  }

  toString(): string {
    const values = this.values.length === 1 ? (this.values[0] as string) : this.values.toSorted(byteOrder).join(',');
    switch (this.operator) {
      case 'exists':
        return this.key;
      case '!':
        return `!${this.key}`;
      case 'in':
      case 'notin':
        return `${this.key} ${this.operator} (${values})`;
      case 'gt':
        return `${this.key}>${values}`;
      case 'lt':
        return `${this.key}<${values}`;
      default:
        return `${this.key}${this.operator}${values}`;
    }
  }
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

export const everything: LabelSelector = new LabelSelector([]);
export const nothing: LabelSelector = new LabelSelector([], false);

const byKey = (requirements: readonly LabelRequirement[]): readonly LabelRequirement[] =>
  requirements.toSorted((a, b) => byteOrder(a.key, b.key));

/** Source: strconv.ParseInt base 10, 64 bits. */
function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text) || text.length > 4096) return undefined;
  const value = BigInt(text[0] === '+' ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** What is wrong with a requirement. `at` is undefined where upstream has no path. */
export function requirementErrors(key: string, operator: string, values: readonly string[], at?: Path): readonly FieldError[] {
  const errors: FieldError[] = [];
  const child = (name: string): Path => (at === undefined ? Path.of(name) : at.child(name));
  const valuesAt = child('values');
  const keyProblems = qualifiedName(key);
  if (keyProblems.length > 0) errors.push(invalid(child('key'), key, keyProblems.join('; ')));
  const shown = values.length === 0 ? null : values;
  switch (operator) {
    case 'in':
    case 'notin':
      if (values.length === 0) errors.push(invalid(valuesAt, shown, "for 'in', 'notin' operators, values set can't be empty"));
      break;
    case '=':
    case '==':
    case '!=':
      if (values.length !== 1) errors.push(invalid(valuesAt, shown, 'exact-match compatibility requires one single value'));
      break;
    case 'exists':
    case '!':
      if (values.length !== 0) errors.push(invalid(valuesAt, shown, 'values set must be empty for exists and does not exist'));
      break;
    case 'gt':
    case 'lt':
      if (values.length !== 1) errors.push(invalid(valuesAt, shown, "for 'Gt', 'Lt' operators, exactly one value is required"));
      values.forEach((value, i) => {
        if (parseInt64(value) === undefined)
          errors.push(invalid(valuesAt.index(i), value, "for 'Gt', 'Lt' operators, the value must be an integer"));
      });
      break;
    default:
      errors.push(notSupported(child('operator'), operator, OPERATORS));
  }
  values.forEach((value, i) => {
    const problems = labelValue(value);
    if (problems.length > 0) errors.push(invalid(valuesAt.index(i).key(key), value, problems.join('; ')));
  });
  return errors;
}

/** @throws SelectorError naming every problem. Source: labels.NewRequirement. */
export function newRequirement(key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement {
  const errors = requirementErrors(key, operator, values);
  if (errors.length > 0) throw new SelectorError(aggregateText(errors));
  return new LabelRequirement(key, operator, values);
}

/**
 * Reads the string syntax: `app=web,tier in (a,b),!legacy,x!=y,n>3`. Empty selects everything.
 * @throws SelectorError with upstream's text
 */
export function parseLabelSelector(text: string): LabelSelector {
  return text === '' ? everything : new LabelSelector(byKey(new Parser(lexSelector(text)).parse()));
}

/** Source: labels.Parser. */
class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): readonly LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const { kind, text } = this.#peek();
      if (kind === 'end') return requirements;
      if (kind !== 'identifier' && kind !== '!') throw new SelectorError(`found '${text}', expected: !, identifier, or 'end of string'`);
      requirements.push(this.#wrapped());
      const separator = this.#take();
      if (separator.kind === 'end') return requirements;
      if (separator.kind !== ',') throw new SelectorError(`found '${separator.text}', expected: ',' or 'end of string'`);
      const next = this.#peek();
      if (next.kind !== 'identifier' && next.kind !== '!') throw new SelectorError(`found '${next.text}', expected: identifier after ','`);
    }
  }

  #wrapped(): LabelRequirement {
    try {
      return this.#requirement();
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      throw new SelectorError(`unable to parse requirement: ${error.message}`);
    }
  }

  #requirement(): LabelRequirement {
    let token = this.#take();
    const negated = token.kind === '!';
    if (negated) token = this.#take();
    if (token.kind !== 'identifier') throw new SelectorError(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const problems = qualifiedName(key);
    if (problems.length > 0) throw new SelectorError(errorText(invalid(NO_PATH, key, problems.join('; '))));
    const following = this.#peek().kind;
    if (negated) return newRequirement(key, '!', []);
    if (following === 'end' || following === ',') return newRequirement(key, 'exists', []);
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : this.#exactValue();
    return newRequirement(key, operator, [...new Set(values)].toSorted(byteOrder));
  }

  #operator(): LabelOperator {
    const { kind, text } = this.#takeRaw();
    switch (kind) {
      case '>':
        return 'gt';
      case '<':
        return 'lt';
      case '=':
      case '==':
      case '!=':
      case 'in':
      case 'notin':
        return kind;
      default:
        throw new SelectorError(`found '${text}', expected: ${BINARY_OPERATORS.join(', ')}`);
    }
  }

  #values(): readonly string[] {
    const open = this.#take();
    if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.kind === ')') {
      this.#take();
      return [''];
    }
    if (first.kind !== 'identifier' && first.kind !== ',')
      throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
    const values = this.#list();
    if (this.#take().kind !== ')') throw new SelectorError(`found '${first.text}', expected: ')'`);
    return values;
  }

  #list(): readonly string[] {
    const values: string[] = [];
    for (;;) {
      const token = this.#take();
      const next = this.#peek();
      if (token.kind === 'identifier') {
        values.push(token.text);
        if (next.kind === ')') return values;
        if (next.kind !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.kind === ',') {
        if (values.length === 0) values.push('');
        if (next.kind === ')') return [...values, ''];
        if (next.kind === ',') values.push('');
      } else {
        throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
      }
    }
  }

  #exactValue(): readonly string[] {
    const { kind } = this.#peek();
    if (kind === 'end' || kind === ',') return [''];
    const token = this.#take();
    if (token.kind !== 'identifier') throw new SelectorError(`found '${token.text}', expected: identifier`);
    return [token.text];
  }

  #takeRaw(): Token {
    const token = this.#tokens[Math.min(this.#position, this.#tokens.length - 1)] as Token;
    this.#position++;
    return token;
  }

  /** Outside the place of an operator, `in` and `notin` are identifiers. */
  #take(): Token {
    return asValue(this.#takeRaw());
  }

  #peek(): Token {
    return asValue(this.#tokens[Math.min(this.#position, this.#tokens.length - 1)] as Token);
  }
}

function asValue(token: Token): Token {
  return token.kind === 'in' || token.kind === 'notin' ? { kind: 'identifier' satisfies SelectorToken, text: token.text } : token;
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
