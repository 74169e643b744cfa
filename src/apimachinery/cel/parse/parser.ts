// Tokens to an expression, macros expanded. Syntax errors are worded, and recovered from, as upstream's generated
// parser does it where one token is too many or missing. Source: cel-go parser/parser.go, gen/CEL.g4.
import type { Expr, StructExpr } from '../ast.ts';
import { RESERVED_WORDS } from '../names.ts';
import type { Problems } from '../source.ts';
import { tokenize, type Token } from './lexer.ts';
import { parseBytes, parseDouble, parseInt64, parseString, parseUint64 } from './literals.ts';
import { expandMacro, MacroError, type MacroOptions } from './macros.ts';

/** Source: parser/options.go. */
const MAX_DEPTH = 250;
const MAX_CODE_POINTS = 100_000;

const EXPRESSION = ["'['", "'{'", "'('", "'.'", "'-'", "'!'", "'true'", "'false'", "'null'"];
const OPERAND = ['NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER'];
const WANT_EXPRESSION = `{${[...EXPRESSION, ...OPERAND].join(', ')}}`;
const WANT_ENTRY = `{'[', '{', '}', '(', '.', ',', '-', '!', '?', ${[...EXPRESSION.slice(6), ...OPERAND].join(', ')}}`;
const WANT_ELEMENT = `{'[', ']', '{', '(', '.', ',', '-', '!', '?', ${[...EXPRESSION.slice(6), ...OPERAND].join(', ')}}`;
const WANT_FIELD = "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}";
const CLOSING: ReadonlySet<string> = new Set([')', ']', '}']);
const STARTS: ReadonlySet<string> = new Set(['[', '{', '(', '.', '-', '!', 'true', 'false', 'null']);

const RELATIONS: ReadonlySet<string> = new Set(['<', '<=', '>=', '>', '==', '!=', 'in']);
const SUMS: ReadonlySet<string> = new Set(['+', '-']);
const PRODUCTS: ReadonlySet<string> = new Set(['*', '/', '%']);

/** Gives up on the rest: what follows would be misread. */
class Abandoned extends Error {}

/** The expression, unless `problems` has any. */
export function parse(text: string, problems: Problems, options: MacroOptions = { bindings: false }): Expr | undefined {
  const size = text.length > MAX_CODE_POINTS ? Array.from(text).length : 0;
  if (size > MAX_CODE_POINTS) {
    problems.add(-1, `expression code point size exceeds limit: size: ${size}, limit ${MAX_CODE_POINTS}`);
    return undefined;
  }
  const parser = new Parser(tokenize(text, problems), problems, options);
  try {
    const expr = parser.whole();
    return problems.any ? undefined : expr;
  } catch (error) {
    if (error instanceof Abandoned) return undefined;
    throw error;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #problems: Problems;
  readonly #options: MacroOptions;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], problems: Problems, options: MacroOptions) {
    this.#tokens = tokens;
    this.#problems = problems;
    this.#options = options;
  }

  whole(): Expr {
    const expr = this.#expression();
    if (this.#peek().kind !== 'EOF') this.#unexpected('<EOF>', this.#peek(1).kind === 'EOF');
    return expr;
  }

  #expression(): Expr {
    if (++this.#depth > MAX_DEPTH) {
      this.#problems.add(-1, 'max recursion depth exceeded');
      throw new Abandoned();
    }
    const condition = this.#terms('||', '_||_', () => this.#terms('&&', '_&&_', () => this.#relation()));
    const question = this.#take('?');
    let expr = condition;
    if (question !== undefined) {
      const yes = this.#terms('||', '_||_', () => this.#terms('&&', '_&&_', () => this.#relation()));
      this.#expect(':');
      expr = this.#call(question, '_?_:_', undefined, [condition, yes, this.#expression()]);
    }
    this.#depth--;
    return expr;
  }

  #terms(operator: string, name: string, next: () => Expr): Expr {
    const first = next();
    const symbol = this.#peek();
    if (symbol.text !== operator || symbol.kind !== 'symbol') return first;
    const args = [first];
    while (this.#take(operator) !== undefined) args.push(next());
    return { kind: 'call', offset: symbol.offset, name, target: undefined, args };
  }

  #relation(): Expr {
    return this.#binary(RELATIONS, () => this.#binary(SUMS, () => this.#binary(PRODUCTS, () => this.#unary())));
  }

  #binary(operators: ReadonlySet<string>, next: () => Expr): Expr {
    let left = next();
    for (let symbol = this.#peek(); symbol.kind === 'symbol' && operators.has(symbol.text); symbol = this.#peek()) {
      this.#at++;
      left = this.#call(symbol, symbol.text === 'in' ? '@in' : `_${symbol.text}_`, undefined, [left, next()]);
    }
    return left;
  }

  #unary(): Expr {
    const symbol = this.#peek();
    if (symbol.kind !== 'symbol' || (symbol.text !== '!' && symbol.text !== '-')) return this.#member();
    // A sign before a number belongs to it, so that the smallest int can be written.
    if (symbol.text === '-' && /^NUM_(INT|FLOAT)$/.test(this.#peek(1).kind)) return this.#member();
    let count = 0;
    while (this.#peek().text === symbol.text && this.#peek().kind === 'symbol') {
      if (symbol.text === '-' && count > 0 && /^NUM_(INT|FLOAT)$/.test(this.#peek(1).kind)) break;
      this.#at++;
      count++;
    }
    const operand = this.#member();
    return count % 2 === 0 ? operand : this.#call(symbol, symbol.text === '!' ? '!_' : '-_', undefined, [operand]);
  }

  #member(): Expr {
    let expr = this.#primary();
    for (let links = 0; ; links++) {
      const symbol = this.#peek();
      if (symbol.kind !== 'symbol') return expr;
      if (this.#depth + links > MAX_DEPTH) {
        this.#problems.add(-1, 'max recursion depth exceeded');
        throw new Abandoned();
      }
      if (symbol.text === '.') expr = this.#selectOrCall(expr);
      else if (symbol.text === '[') expr = this.#index(expr);
      else return expr;
    }
  }

  #selectOrCall(operand: Expr): Expr {
    const dot = this.#next();
    const optional = this.#take('?') !== undefined;
    const name = this.#next();
    if (name.kind !== 'IDENTIFIER' && name.kind !== 'ESC_IDENTIFIER') return this.#noName(operand, name);
    const open = this.#peek();
    if (!optional && name.kind === 'IDENTIFIER' && open.kind === 'symbol' && open.text === '(') {
      this.#at++;
      return this.#call(open, name.text, operand, this.#arguments());
    }
    if (name.kind === 'ESC_IDENTIFIER') this.#problems.add(name.offset, "unsupported syntax: '`'");
    if (!optional) return { kind: 'select', offset: dot.offset, operand, field: name.text, test: false };
    const field: Expr = { kind: 'literal', offset: name.offset, value: name.text };
    return { kind: 'call', offset: dot.offset, name: '_?._', target: undefined, args: [operand, field] };
  }

  #noName(operand: Expr, found: Token): Expr {
    const word = found.text === 'true' || found.text === 'false' || found.text === 'null';
    const shown = found.kind === 'EOF' ? '.' : `.${found.text}`;
    this.#syntax(found, word ? `mismatched input '${found.text}' expecting IDENTIFIER` : `no viable alternative at input '${shown}'`);
    if (found.kind === 'EOF') this.#at--;
    return operand;
  }

  #index(operand: Expr): Expr {
    const open = this.#next();
    const name = this.#take('?') === undefined ? '_[_]' : '_[?_]';
    const index = this.#expression();
    this.#expect(']');
    return this.#call(open, name, undefined, [operand, index]);
  }

  #arguments(): readonly Expr[] {
    const args: Expr[] = [];
    if (this.#take(')') !== undefined) return args;
    do args.push(this.#expression());
    while (this.#take(',') !== undefined);
    this.#expect(')');
    return args;
  }

  #primary(): Expr {
    const token = this.#next();
    switch (token.kind) {
      case 'NUM_INT':
        return this.#literal(token, parseInt64(token.text));
      case 'NUM_UINT':
        return this.#literal(token, parseUint64(token.text));
      case 'NUM_FLOAT':
        return this.#literal(token, parseDouble(token.text));
      case 'STRING':
        return this.#literal(token, parseString(token.text));
      case 'BYTES':
        return this.#literal(token, parseBytes(token.text));
      case 'IDENTIFIER':
        return this.#identifier(token, '');
      case 'symbol':
        return this.#symbol(token) ?? this.#noExpression(token);
      default:
        return this.#noExpression(token);
    }
  }

  #symbol(token: Token): Expr | undefined {
    switch (token.text) {
      case 'true':
      case 'false':
        return { kind: 'literal', offset: token.offset, value: token.text === 'true' };
      case 'null':
        return { kind: 'literal', offset: token.offset, value: null };
      case '-': {
        const number = this.#peek();
        if (number.kind !== 'NUM_INT' && number.kind !== 'NUM_FLOAT') return undefined;
        this.#at++;
        return this.#literal(token, number.kind === 'NUM_INT' ? parseInt64(`-${number.text}`) : parseDouble(`-${number.text}`));
      }
      case '.': {
        if (this.#peek().kind !== 'IDENTIFIER') return undefined;
        return this.#identifier(this.#next(), '.');
      }
      case '(': {
        const inner = this.#expression();
        this.#expect(')');
        return inner;
      }
      case '[':
        return this.#list(token);
      case '{':
        return this.#map(token);
      default:
        return undefined;
    }
  }

  #literal(token: Token, parsed: { readonly value: NonNullable<unknown> | null } | { readonly error: string }): Expr {
    if ('error' in parsed) this.#problems.add(token.offset, parsed.error);
    return { kind: 'literal', offset: token.offset, value: 'error' in parsed ? null : parsed.value };
  }

  #identifier(token: Token, dot: string): Expr {
    const struct = this.#structName(token);
    if (struct !== undefined) return this.#struct(dot + struct);
    if (RESERVED_WORDS.has(token.text)) {
      this.#problems.add(token.offset, `reserved identifier: ${token.text}`);
      return { kind: 'literal', offset: token.offset, value: null };
    }
    const open = this.#take('(');
    if (open !== undefined) return this.#call(open, dot + token.text, undefined, this.#arguments());
    return { kind: 'ident', offset: token.offset, name: dot + token.text };
  }

  /** `a.b.C` when a `{` follows it. */
  #structName(first: Token): string | undefined {
    let name = first.text;
    let at = this.#at;
    while (this.#tokens[at]?.text === '.' && this.#tokens[at + 1]?.kind === 'IDENTIFIER') {
      name += `.${this.#tokens[at + 1]?.text ?? ''}`;
      at += 2;
    }
    const open = this.#tokens[at];
    if (open?.text !== '{' || open.kind !== 'symbol') return undefined;
    this.#at = at;
    return name;
  }

  #struct(name: string): StructExpr {
    const { offset } = this.#next();
    const fields: StructExpr['fields'][number][] = [];
    this.#members('}', () => {
      const optional = this.#take('?') !== undefined;
      const field = this.#fieldName();
      const colon = this.#expect(':');
      fields.push({ offset: colon.offset, name: field, value: this.#expression(), optional });
    });
    return { kind: 'struct', offset, name, fields };
  }

  #fieldName(): string {
    const token = this.#next();
    if (token.kind === 'IDENTIFIER') return token.text;
    this.#at--;
    const next = this.#peek(1);
    this.#unexpected(WANT_FIELD, next.kind === 'IDENTIFIER' || next.text === '}');
    return this.#peek().kind === 'IDENTIFIER' ? this.#next().text : '';
  }

  #map({ offset }: Token): Expr {
    const entries: { key: Expr; value: Expr; optional: boolean }[] = [];
    this.#members(
      '}',
      () => {
        const optional = this.#take('?') !== undefined;
        const key = this.#expression();
        this.#expect(':');
        entries.push({ key, value: this.#expression(), optional });
      },
      WANT_ENTRY,
    );
    return { kind: 'map', offset, entries };
  }

  #list({ offset }: Token): Expr {
    const elements: Expr[] = [];
    const optional = new Set<number>();
    this.#members(
      ']',
      () => {
        if (this.#take('?') !== undefined) optional.add(elements.length);
        elements.push(this.#expression());
      },
      WANT_ELEMENT,
    );
    return { kind: 'list', offset, elements, optional };
  }

  /** Comma-separated, a last comma allowed. `wanted` words the error when the first is none. */
  #members(close: string, member: () => void, wanted?: string): void {
    if (this.#take(close) !== undefined) return;
    if (this.#peek().text === ',' && this.#peek(1).text === close) {
      this.#at += 2;
      return;
    }
    if (wanted !== undefined && this.#peek().text !== '?' && !this.#startsExpression(this.#peek())) {
      this.#unexpected(wanted, this.#startsExpression(this.#peek(1)) || this.#peek(1).text === close);
      if (this.#take(close) !== undefined) return;
    }
    for (;;) {
      member();
      if (this.#take(',') === undefined) break;
      // A comma that nothing like a member follows is taken for the last one.
      if (!this.#startsMember(this.#peek(), wanted === undefined)) return void this.#expect(close);
    }
    this.#expect(close, `{'${close}', ','}`);
  }

  #call(symbol: Token, name: string, target: Expr | undefined, args: readonly Expr[]): Expr {
    const call = { offset: symbol.offset, name, target, args };
    try {
      return expandMacro(call, this.#options) ?? { kind: 'call', ...call };
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      this.#problems.add(error.offset, error.message);
      return { kind: 'call', ...call };
    }
  }

  #startsExpression(token: Token): boolean {
    return token.kind === 'symbol' ? STARTS.has(token.text) : token.kind !== 'EOF' && token.kind !== 'ESC_IDENTIFIER';
  }

  #startsMember(token: Token, named: boolean): boolean {
    if (token.kind === 'symbol' && token.text === '?') return true;
    return named ? token.kind === 'IDENTIFIER' || token.kind === 'ESC_IDENTIFIER' : this.#startsExpression(token);
  }

  /** One token too many is skipped; otherwise what stands here is reported, and what stands after it as well. */
  #noExpression(token: Token): Expr {
    this.#at--;
    const extraneous = token.kind !== 'EOF' && this.#startsExpression(this.#peek(1));
    this.#unexpected(WANT_EXPRESSION, extraneous);
    return this.#primary();
  }

  /** @throws Abandoned at the end of the text */
  #unexpected(wanted: string, extraneous: boolean): void {
    const token = this.#peek();
    this.#syntax(token, `${extraneous ? 'extraneous' : 'mismatched'} input '${token.text}' expecting ${wanted}`);
    if (token.kind === 'EOF' || wanted === '<EOF>') throw new Abandoned();
    this.#at++;
  }

  #expect(text: string, wanted = `'${text}'`): Token {
    const token = this.#peek();
    if (token.kind === 'symbol' && token.text === text) return this.#next();
    // Behind what closes a bracket the text may end; behind anything else it may not, and then this is not what is missing.
    if (token.kind === 'EOF' && CLOSING.has(text) && wanted === `'${text}'`) {
      this.#syntax(token, `missing '${text}' at '<EOF>'`);
      throw new Abandoned();
    }
    const next = this.#peek(1);
    const extraneous = next.kind === 'symbol' && next.text === text;
    this.#unexpected(wanted, extraneous);
    if (!extraneous) throw new Abandoned();
    return this.#next();
  }

  #syntax(token: Token, message: string): void {
    this.#problems.add(token.offset, `Syntax error: ${message}`);
  }

  #take(text: string): Token | undefined {
    const token = this.#peek();
    if (token.kind !== 'symbol' || token.text !== text) return undefined;
    this.#at++;
    return token;
  }

  #peek(ahead = 0): Token {
    return (this.#tokens[this.#at + ahead] ?? this.#tokens.at(-1)) as Token;
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }
}
