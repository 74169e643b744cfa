// The string syntax of label selectors. Source: apimachinery pkg/labels selector.go Parser.
import { errorText, invalid } from './field-errors.ts';
import { NO_PATH } from './field-path.ts';
import { byteOrder } from './go-format.ts';
import { lexSelector, type SelectorToken, type Token } from './label-lexer.ts';
import { BINARY_OPERATORS, newRequirement, SelectorError, type LabelOperator, type LabelRequirement } from './label-requirement.ts';
import { qualifiedName } from './names.ts';

/** In the order of `text`. @throws SelectorError with upstream's text */
export const parseRequirements = (text: string): readonly LabelRequirement[] => new Parser(lexSelector(text)).parse();

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
