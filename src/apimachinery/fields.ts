// Field selectors: `metadata.name=x,status.phase!=Running`. Which fields a kind has is its resource's business.
// Source: apimachinery pkg/fields selector.go.
import { byteOrder } from './go-format.ts';
import { SelectorError } from './label-requirement.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** The value of a field by its label; empty where it has none. */
export type FieldValues = Readonly<Record<string, string>> | ((field: string) => string);

/** All requirements hold. Immutable. */
export class FieldSelector {
  readonly requirements: readonly FieldRequirement[];

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
  }

  get empty(): boolean {
    return this.requirements.length === 0;
  }

  matches(fields: FieldValues): boolean {
    for (const { field, operator, value } of this.requirements) {
      const actual = typeof fields === 'function' ? fields(field) : (fields[field] ?? '');
      if ((actual === value) !== (operator === '=')) return false;
    }
    return true;
  }

  /** The one value `field` must have, for an index; undefined where there is none. */
  requiresExactMatch(field: string): string | undefined {
    return this.requirements.find((r) => r.field === field && r.operator === '=')?.value;
  }

  toString(): string {
    return this.requirements.map((r) => `${r.field}${r.operator}${escapeFieldValue(r.value)}`).join(',');
  }
}

export const everyField: FieldSelector = new FieldSelector([]);

export const fieldEquals = (field: string, value: string): FieldSelector => new FieldSelector([{ field, operator: '=', value }]);

/** Source: fields.EscapeValue. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&');
}

function unescape(value: string): string {
  let out = '';
  let escaped = false;
  for (const char of value) {
    if (escaped) {
      if (char !== '\\' && char !== ',' && char !== '=')
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${char}`);
      out += char;
      escaped = false;
    } else if (char === '\\') {
      escaped = true;
    } else if (char === ',' || char === '=') {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`);
    } else {
      out += char;
    }
  }
  if (escaped) throw new SelectorError('invalid field selector: invalid escape sequence: \\');
  return out;
}

/** Splits at commas that no backslash precedes. */
function terms(text: string): readonly string[] {
  const found: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      found.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...found, text.slice(start)];
}

/**
 * Reads the string syntax. `convert` renames a label or refuses it, as a resource's field label conversion does; a
 * requirement of two empty strings, converted or not, is dropped.
 * @throws SelectorError with upstream's text, or what `convert` throws. Source: ParseAndTransformSelector.
 */
export function parseFieldSelector(text: string, convert?: (field: string, value: string) => readonly [string, string]): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of terms(text).toSorted(byteOrder)) {
    if (term === '') continue;
    const split = /^([^=!]*(?:!(?!=)[^=!]*)*)(!=|==|=)(.*)$/s.exec(term);
    if (split === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, field, sign, raw] = split as unknown as readonly [string, string, string, string];
    const value = unescape(raw);
    if (field !== '' || value !== '') requirements.push({ field, operator: sign === '!=' ? '!=' : '=', value });
  }
  const converted =
    convert === undefined
      ? requirements
      : requirements.map((r): FieldRequirement => {
          const [field, value] = convert(r.field, r.value);
          return { field, operator: r.operator, value };
        });
  const kept = converted.filter((r) => r.field !== '' || r.value !== '');
  return kept.length === 0 ? everyField : new FieldSelector(kept);
}
