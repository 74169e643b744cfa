// JSONPath as the columns of a CRD use it: `.spec.size`, `.status.conditions[?(@.type=="Ready")].status`, `.a['b.c'][0]`.
// Missing members give nothing. Pure. Source: client-go util/jsonpath with AllowMissingKeys.

export class JsonPathError extends Error {
  override readonly name = 'JsonPathError';
}

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'all' }
  /** The value and everything below it. */
  | { readonly kind: 'descend' }
  | { readonly kind: 'slice'; readonly from: number | undefined; readonly to: number | undefined; readonly step: number }
  | { readonly kind: 'filter'; readonly left: Operand; readonly operator: Operator | 'exists'; readonly right: Operand }
  | { readonly kind: 'union'; readonly steps: readonly Step[] };

type Operator = '==' | '!=' | '<' | '<=' | '>' | '>=';

type Operand = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'path'; readonly steps: readonly Step[] };

/** Nesting of filters in filters that is read. */
const MAX_DEPTH = 8;

/** What `text` selects of a value, first things first. @throws JsonPathError when `text` is no path */
export function compileJsonPath(text: string): (value: unknown) => readonly unknown[] {
  const steps = new PathParser(text, 0).steps();
  return (value) => follow([value], steps);
}

class PathParser {
  readonly #text: string;
  readonly #depth: number;
  #at = 0;

  constructor(text: string, depth: number) {
    if (depth > MAX_DEPTH) throw new JsonPathError('filters are nested too deeply');
    this.#text = text.trim();
    this.#depth = depth;
  }

  steps(): readonly Step[] {
    const steps: Step[] = [];
    if (this.#text[0] === '$' || this.#text[0] === '@') this.#at++;
    while (this.#at < this.#text.length) {
      if (this.#text.startsWith('..', this.#at)) {
        steps.push({ kind: 'descend' });
        this.#at += this.#text[this.#at + 2] === '[' ? 2 : 1; // the second dot begins the field
        continue;
      }
      if (this.#text[this.#at] === '[') {
        steps.push(this.#brackets(this.#untilClosing()));
        continue;
      }
      if (this.#text[this.#at] === '.') this.#at++;
      else if (steps.length > 0) throw this.#bad();
      const step = this.#field();
      if (step !== undefined) steps.push(step);
    }
    return steps;
  }

  /** A name up to the next dot or bracket; a backslash takes the next character as it is. */
  #field(): Step | undefined {
    let name = '';
    let character = this.#text[this.#at];
    while (character !== undefined && character !== '.' && character !== '[') {
      if (/[\s|{}\]]/.test(character)) throw this.#bad();
      if (character === '\\') character = this.#text[++this.#at] ?? '';
      name += character;
      character = this.#text[++this.#at];
    }
    if (name === '*') return { kind: 'all' };
    return name === '' ? undefined : { kind: 'field', name };
  }

  /** The inside of the brackets at hand; the position moves behind them. */
  #untilClosing(): string {
    const start = ++this.#at;
    let open = 1;
    let quote = '';
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at] as string;
      if (quote !== '') {
        if (character === '\\') this.#at++;
        else if (character === quote) quote = '';
      } else if (character === '"' || character === "'") quote = character;
      else if (character === '[') open++;
      else if (character === ']' && --open === 0) return this.#text.slice(start, this.#at++).trim();
    }
    throw new JsonPathError(`unterminated array in ${JSON.stringify(this.#text)}`);
  }

  #brackets(inside: string): Step {
    if (inside === '*') return { kind: 'all' };
    const filter = /^\?\((.*)\)$/s.exec(inside);
    if (filter !== null) return this.#filter(filter[1] as string);
    const parts = splitOutsideQuotes(inside, ',');
    if (parts.length > 1) return { kind: 'union', steps: parts.map((part) => this.#brackets(part.trim())) };
    const name = unquoted(inside);
    if (name !== undefined) return { kind: 'field', name };
    const slice = /^(-?\d+)?(?:(:)(-?\d+)?(?::(-?\d+))?)?$/.exec(inside);
    if (slice === null || inside === '') throw new JsonPathError(`invalid array index ${inside}`);
    const [from, to, step] = [slice[1], slice[3], slice[4]].map((one) => (one === undefined ? undefined : Number(one)));
    if (slice[2] === undefined) return { kind: 'slice', from, to: from === -1 ? undefined : (from as number) + 1, step: 1 };
    if (step !== undefined && step <= 0) throw new JsonPathError('step must be > 0');
    return { kind: 'slice', from, to, step: step ?? 1 };
  }

  #filter(text: string): Step {
    const [left, operator, right = ''] = comparison(text);
    if (operator === undefined)
      return { kind: 'filter', left: this.#operand(left), operator: 'exists', right: { kind: 'value', value: undefined } };
    return { kind: 'filter', left: this.#operand(left), operator, right: this.#operand(right) };
  }

  #operand(text: string): Operand {
    const string = unquoted(text);
    if (string !== undefined) return { kind: 'value', value: string };
    if (text === 'true' || text === 'false') return { kind: 'value', value: text === 'true' };
    if (/^[-+]?\d+(?:\.\d+)?$/.test(text)) return { kind: 'value', value: Number(text) };
    return { kind: 'path', steps: new PathParser(text, this.#depth + 1).steps() };
  }

  #bad(): JsonPathError {
    return new JsonPathError(`unexpected character at ${this.#at} of ${JSON.stringify(this.#text)}`);
  }
}

/** The text within quotes; undefined when there are none around all of it. */
function unquoted(text: string): string | undefined {
  const quote = text[0];
  if ((quote !== '"' && quote !== "'") || text.length < 2 || text.at(-1) !== quote) return undefined;
  return text.slice(1, -1).replace(/\\(.)/gs, '$1');
}

function splitOutsideQuotes(text: string, separator: string): readonly string[] {
  const parts = [''];
  let quote = '';
  for (const character of text) {
    if (quote === '' && character === separator) {
      parts.push('');
      continue;
    }
    if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
    parts[parts.length - 1] += character;
  }
  return parts;
}

function comparison(text: string): readonly [left: string, operator?: Operator, right?: string] {
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (quote !== '') {
      if (character === '\\') at++;
      else if (character === quote) quote = '';
      continue;
    }
    if (character === '"' || character === "'") quote = character;
    const operator = /^(?:==|!=|<=|>=|<|>)/.exec(text.slice(at, at + 2))?.[0];
    if (operator !== undefined) return [text.slice(0, at).trim(), operator as Operator, text.slice(at + operator.length).trim()];
  }
  return [text.trim()];
}

const follow = (values: readonly unknown[], steps: readonly Step[]): readonly unknown[] =>
  steps.reduce<readonly unknown[]>((found, step) => found.flatMap((value) => take(value, step)), values);

function take(value: unknown, step: Step): readonly unknown[] {
  switch (step.kind) {
    case 'field':
      return isObject(value) && Object.hasOwn(value, step.name) && value[step.name] !== undefined ? [value[step.name]] : [];
    case 'all':
      return membersOf(value);
    case 'descend':
      return descendants(value);
    case 'slice':
      return Array.isArray(value) ? sliceOf(value, step) : [];
    case 'filter':
      return Array.isArray(value) ? value.filter((item: unknown) => holds(item, step)) : [];
    case 'union':
      return step.steps.flatMap((one) => take(value, one));
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const membersOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []);

/** Objects come from the store, whose nesting is bounded. */
const descendants = (value: unknown): readonly unknown[] => [value, ...membersOf(value).flatMap(descendants)];

function sliceOf(list: readonly unknown[], { from, to, step }: Extract<Step, { kind: 'slice' }>): readonly unknown[] {
  if (from !== undefined && from < -list.length) return []; // out of bounds, where slice() would begin at the start
  const part = list.slice(from, to);
  return step === 1 ? part : part.filter((_, index) => index % step === 0);
}

function holds(item: unknown, { left, operator, right }: Extract<Step, { kind: 'filter' }>): boolean {
  const lefts = left.kind === 'value' ? [left.value] : follow([item], left.steps);
  if (operator === 'exists') return lefts.length > 0;
  const rights = right.kind === 'value' ? [right.value] : follow([item], right.steps);
  if (lefts.length !== 1 || rights.length !== 1) return false;
  return compare(lefts[0], operator, rights[0]);
}

const isNumeric = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint';

function compare(a: unknown, operator: Operator, b: unknown): boolean {
  if (operator === '==') return a === b;
  if (operator === '!=') return a !== b;
  const ordered = (isNumeric(a) && isNumeric(b)) || (typeof a === 'string' && typeof b === 'string');
  if (!ordered) return false;
  const [x, y] = [a as number, b as number];
  switch (operator) {
    case '<':
      return x < y;
    case '<=':
      return x <= y;
    case '>':
      return x > y;
    case '>=':
      return x >= y;
  }
}
