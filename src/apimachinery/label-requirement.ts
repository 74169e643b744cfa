// One condition of a label selector. Source: apimachinery pkg/labels selector.go Requirement.
import { aggregateText, invalid, notSupported, type FieldError } from './field-errors.ts';
import { Path } from './field-path.ts';
import { byteOrder } from './go-format.ts';
import { labelValue, qualifiedName } from './names.ts';

export type Labels = Readonly<Record<string, string>>;

/** Source: selection.Operator. */
export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'gt' | 'lt' | 'exists' | '!';

export const BINARY_OPERATORS: readonly LabelOperator[] = ['in', 'notin', '=', '==', '!=', 'gt', 'lt'];
const OPERATORS: readonly LabelOperator[] = [...BINARY_OPERATORS, 'exists', '!'];

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
