// Why a text is no JSON, in Go's words. Only asked after the built-in parser refused it.
// Source: encoding/json scanner.go.
import { goQuote } from './go-format.ts';

/** Source: quoteChar; Go looks at one byte of a UTF-8 text. */
function quoteChar(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return "'\"'";
  const byte = Buffer.from(char)[0] as number;
  return `'${goQuote(String.fromCharCode(byte)).slice(1, -1)}'`;
}

const LITERALS = ['true', 'false', 'null'] as const;
const END = 'unexpected end of JSON input';
const SPACE = ' \t\r\n';

class Scanner {
  readonly #text: string;
  #pos = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The error, or undefined for valid JSON. */
  scan(): string | undefined {
    return this.#value('looking for beginning of value') ?? this.#end();
  }

  #end(): string | undefined {
    this.#skip();
    return this.#pos >= this.#text.length ? undefined : this.#bad('after top-level value');
  }

  #bad(context: string): string {
    if (this.#pos >= this.#text.length) return END;
    const char = String.fromCodePoint(this.#text.codePointAt(this.#pos) as number);
    return `invalid character ${quoteChar(char)} ${context}`;
  }

  /** Like #bad, where not even a space may follow, which is what Go lets follow the text. Source: scanner.eof */
  #cut(context: string): string {
    return this.#pos >= this.#text.length ? `invalid character ' ' ${context}` : this.#bad(context);
  }

  #skip(): void {
    while (this.#pos < this.#text.length && SPACE.includes(this.#text[this.#pos] as string)) this.#pos++;
  }

  #peek(): string {
    return this.#text[this.#pos] ?? '';
  }

  #value(context: string): string | undefined {
    // Containers that are open, so that deep nesting needs no deep stack.
    const open: ('{' | '[')[] = [];
    let expecting = context;
    for (;;) {
      this.#skip();
      const char = this.#peek();
      let error: string | undefined;
      let entered = false;
      if (char === '{' || char === '[') {
        this.#pos++;
        this.#skip();
        if (this.#peek() === (char === '{' ? '}' : ']')) this.#pos++;
        else {
          open.push(char);
          entered = true;
          error = char === '{' ? this.#key() : undefined;
          expecting = 'looking for beginning of value';
        }
      } else error = this.#scalar(char, expecting);
      if (error !== undefined) return error;
      if (entered) continue;
      for (;;) {
        const container = open.at(-1);
        if (container === undefined) return undefined;
        this.#skip();
        const next = this.#peek();
        if (next === ',') {
          this.#pos++;
          const bad = container === '{' ? this.#key() : undefined;
          if (bad !== undefined) return bad;
          break;
        }
        if (next !== (container === '{' ? '}' : ']'))
          return this.#bad(container === '{' ? 'after object key:value pair' : 'after array element');
        this.#pos++;
        open.pop();
      }
    }
  }

  #key(): string | undefined {
    this.#skip();
    if (this.#peek() !== '"') return this.#bad('looking for beginning of object key string');
    const error = this.#string();
    if (error !== undefined) return error;
    this.#skip();
    if (this.#peek() !== ':') return this.#bad('after object key');
    this.#pos++;
    return undefined;
  }

  #scalar(char: string, context: string): string | undefined {
    if (char === '"') return this.#string();
    if (char === '-' || (char >= '0' && char <= '9')) return this.#number();
    const literal = LITERALS.find((l) => l.startsWith(char) && char !== '');
    if (literal === undefined) return this.#bad(context);
    for (const expected of literal) {
      if (this.#peek() !== expected) return this.#cut(`in literal ${literal} (expecting '${expected}')`);
      this.#pos++;
    }
    return undefined;
  }

  #string(): string | undefined {
    for (this.#pos++; this.#pos < this.#text.length; this.#pos++) {
      const char = this.#peek();
      if (char === '"') {
        this.#pos++;
        return undefined;
      }
      if (char < ' ') return this.#bad('in string literal');
      if (char !== '\\') continue;
      this.#pos++;
      if (this.#peek() === 'u') {
        for (let i = 0; i < 4; i++) {
          this.#pos++;
          if (!/^[0-9a-fA-F]$/.test(this.#peek())) return this.#cut('in \\u hexadecimal character escape');
        }
      } else if (!/^["\\/bfnrt]$/.test(this.#peek())) return this.#cut('in string escape code');
    }
    return END;
  }

  #number(): string | undefined {
    if (this.#peek() === '-') this.#pos++;
    if (!this.#digit()) return this.#cut('in numeric literal');
    if (this.#peek() === '0') this.#pos++;
    else this.#digits();
    if (this.#peek() === '.') {
      this.#pos++;
      if (!this.#digit()) return this.#cut('after decimal point in numeric literal');
      this.#digits();
    }
    if (this.#peek() === 'e' || this.#peek() === 'E') {
      this.#pos++;
      if (this.#peek() === '+' || this.#peek() === '-') this.#pos++;
      if (!this.#digit()) return this.#cut('in exponent of numeric literal');
      this.#digits();
    }
    return undefined;
  }

  #digit(): boolean {
    const char = this.#peek();
    return char >= '0' && char <= '9';
  }

  #digits(): void {
    while (this.#digit()) this.#pos++;
  }
}

/** Undefined where the text is valid after all. */
export function jsonSyntaxError(text: string): string | undefined {
  return new Scanner(text).scan();
}
