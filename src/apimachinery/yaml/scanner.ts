// A YAML text as tokens. A key without a question mark is only known by the colon behind it: where one may begin is
// remembered, and its token put in front of those that were read since. Source: libyaml scanner.c, go-yaml v2.
import { Cursor, isBlank, isBreak, isSpace, type Mark } from './cursor.ts';
import { readAnchor, readDirective, readTag } from './properties.ts';
import { readBlockScalar, readPlain, readQuoted } from './scalars.ts';
import type { Token, TokenKind } from './tokens.ts';

/** Characters a key may have. */
const KEY_LENGTH = 1024;

/** What may turn out to be a key. */
interface PossibleKey {
  /** Tokens before it, since the beginning. */
  readonly number: number;
  readonly mark: Mark;
  /** Nothing but a key may begin here: it is where the block's own keys begin. */
  readonly required: boolean;
}

export class Scanner {
  private readonly cursor: Cursor;
  private readonly deepest: number;
  private readonly queue: Token[] = [];
  private taken = 0;
  /** Indentation of the blocks that are open, the innermost last; -1 below all of them. */
  private readonly indents: number[] = [-1];
  /** One for each flow collection that is open, and one below them. */
  private readonly keys: (PossibleKey | undefined)[] = [undefined];
  /** Of each of `keys`, the token that was last remembered there; at first the one that opens the collection. */
  private readonly numbers: number[] = [0];
  /** Where in `keys` the one of a token is, by the token's number. */
  private readonly levels = new Map<number, number>();
  private keyAllowed = true;
  private ended = false;

  /** @param deepest collections inside each other */
  constructor(text: string, deepest: number) {
    this.cursor = new Cursor(text);
    this.deepest = deepest;
  }

  /** The next token, which stays the next one. @throws YamlError */
  peek(): Token {
    while (this.wantsMore() && !this.ended) this.fetch();
    return this.queue[0] as Token;
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') {
      this.queue.shift();
      this.taken++;
    }
    return token;
  }

  /** Whether the first token is not known yet, or a key may have to be put before it. */
  private wantsMore(): boolean {
    if (this.queue.length === 0) return true;
    const level = this.levels.get(this.taken);
    return level !== undefined && this.isStillKey(level);
  }

  /** The number of the token that is read now. */
  private upcoming(): number {
    return this.taken + this.queue.length;
  }

  private get indent(): number {
    return this.indents.at(-1) as number;
  }

  private get inFlow(): boolean {
    return this.keys.length > 1;
  }

  /** A key ends on its line, within so many characters; forgets what did not. */
  private isStillKey(level: number): boolean {
    const key = this.keys[level];
    if (key === undefined) return false;
    if (key.mark.line >= this.cursor.line && key.mark.index + KEY_LENGTH >= this.cursor.index) return true;
    this.forgetKey(level);
    return false;
  }

  private forgetKey(level = this.keys.length - 1): void {
    const key = this.keys[level];
    if (key === undefined) return;
    if (key.required) this.cursor.fail("could not find expected ':'", key.mark);
    this.dropKey(level, key);
  }

  private dropKey(level: number, key: PossibleKey): void {
    this.keys[level] = undefined;
    this.levels.delete(key.number);
  }

  /** What begins here may be a key. */
  private mayBeKey(): void {
    if (!this.keyAllowed) return;
    this.forgetKey();
    const { cursor } = this;
    const required = !this.inFlow && this.indent === cursor.column;
    const number = this.upcoming();
    this.numbers[this.keys.length - 1] = number;
    this.keys[this.keys.length - 1] = { number, mark: cursor.mark(), required };
    this.levels.set(number, this.keys.length - 1);
  }

  private openBlock(column: number, kind: TokenKind & ('block-sequence' | 'block-mapping'), mark: Mark, at = this.queue.length): void {
    if (this.inFlow || this.indent >= column) return;
    this.indents.push(column);
    this.checkDepth(mark);
    this.queue.splice(at, 0, { kind, start: mark });
  }

  private closeBlocks(column: number): void {
    while (!this.inFlow && this.indent > column) {
      this.indents.pop();
      this.queue.push({ kind: 'block-end', start: this.cursor.mark() });
    }
  }

  private checkDepth(mark: Mark): void {
    if (Math.max(this.indents.length, this.keys.length) - 1 > this.deepest) {
      this.cursor.fail(`exceeded max depth of ${this.deepest}`, mark);
    }
  }

  private skipToToken(): void {
    const { cursor } = this;
    if (cursor.index === 0 && cursor.peek() === '\ufeff') cursor.take(); // a second one
    for (;;) {
      // Tabs do not indent: they may stand where no key can begin.
      while (cursor.peek() === ' ' || ((this.inFlow || !this.keyAllowed) && cursor.peek() === '\t')) cursor.take();
      cursor.skipComment();
      if (!isBreak(cursor.peek())) return;
      cursor.takeBreak();
      if (!this.inFlow) this.keyAllowed = true;
    }
  }

  private fetch(): void {
    const { cursor } = this;
    this.skipToToken();
    this.closeBlocks(cursor.column);
    const char = cursor.peek();
    if (char === '') return this.fetchEnd();
    if (cursor.column === 0 && char === '%') return this.fetchOutside(() => readDirective(cursor));
    if (cursor.atDocumentIndicator('---')) return this.fetchOutside(() => this.fixed('document-start', 3));
    if (cursor.atDocumentIndicator('...')) return this.fetchOutside(() => this.fixed('document-end', 3));
    if (char === '[') return this.fetchFlowStart('flow-sequence');
    if (char === '{') return this.fetchFlowStart('flow-mapping');
    if (char === ']') return this.fetchFlowEnd('flow-sequence-end');
    if (char === '}') return this.fetchFlowEnd('flow-mapping-end');
    if (char === ',') return this.fetchSeparator('flow-entry', true);
    const alone = isSpace(cursor.peek(1));
    if (char === '-' && alone) return this.fetchEntry();
    if (char === '?' && (this.inFlow || alone)) return this.fetchKey();
    if (char === ':' && (this.inFlow || alone)) return this.fetchValue();
    if (char === '*' || char === '&') return this.fetchInline(() => readAnchor(cursor));
    if (char === '!') return this.fetchInline(() => readTag(cursor));
    if ((char === '|' || char === '>') && !this.inFlow) return this.fetchBlockScalar();
    if (char === "'" || char === '"')
      return this.fetchInline((start) => ({ kind: 'scalar', text: readQuoted(cursor), plain: false, start }));
    const indicator = '-?:,[]{}#&*!|>\'"%@`'.includes(char);
    const dash = char === '-' && !isBlank(cursor.peek(1));
    if ((isBlank(char) || indicator) && !dash && !(!this.inFlow && (char === '?' || char === ':') && !alone)) {
      cursor.fail('found character that cannot start any token', cursor.mark());
    }
    return this.fetchPlain();
  }

  private fixed(kind: TokenKind & ('document-start' | 'document-end' | 'entry'), length: number): Token {
    const start = this.cursor.mark();
    this.cursor.skip(length);
    return { kind, start };
  }

  private fetchEnd(): void {
    const { cursor } = this;
    if (cursor.column !== 0) {
      cursor.column = 0;
      cursor.line++;
    }
    this.fetchOutside(() => ({ kind: 'end', start: cursor.mark() }));
    this.ended = true;
  }

  /** What stands outside of all blocks. */
  private fetchOutside(read: () => Token): void {
    this.closeBlocks(-1);
    this.forgetKey();
    this.keyAllowed = false;
    this.queue.push(read());
  }

  private fetchFlowStart(kind: TokenKind & ('flow-sequence' | 'flow-mapping')): void {
    this.mayBeKey();
    const start = this.cursor.mark();
    this.numbers.push(this.upcoming());
    this.keys.push(undefined);
    this.checkDepth(start);
    this.keyAllowed = true;
    this.cursor.take();
    this.queue.push({ kind, start });
  }

  private fetchFlowEnd(kind: TokenKind & ('flow-sequence-end' | 'flow-mapping-end')): void {
    this.forgetKey();
    if (this.inFlow) {
      this.keys.pop();
      // A collection without keys of its own, such as [], is taken for no key then: so upstream does.
      this.levels.delete(this.numbers.pop() as number);
    }
    this.keyAllowed = false;
    const start = this.cursor.mark();
    this.cursor.take();
    this.queue.push({ kind, start });
  }

  /** `,`, `-`, `?` or `:`, and whether a key may follow. */
  private fetchSeparator(kind: TokenKind & ('flow-entry' | 'entry' | 'key' | 'value'), keyAllowed: boolean): void {
    this.forgetKey();
    this.keyAllowed = keyAllowed;
    const start = this.cursor.mark();
    this.cursor.take();
    this.queue.push({ kind, start });
  }

  /** In a block, only where a key may begin. */
  private begins(kind: TokenKind & ('block-sequence' | 'block-mapping'), what: string): void {
    if (this.inFlow) return;
    const mark = this.cursor.mark();
    if (!this.keyAllowed) this.cursor.fail(`${what} are not allowed in this context`, mark);
    this.openBlock(mark.column, kind, mark);
  }

  private fetchEntry(): void {
    this.begins('block-sequence', 'block sequence entries');
    this.fetchSeparator('entry', true);
  }

  private fetchKey(): void {
    this.begins('block-mapping', 'mapping keys');
    this.fetchSeparator('key', !this.inFlow);
  }

  private fetchValue(): void {
    const level = this.keys.length - 1;
    const key = this.isStillKey(level) ? this.keys[level] : undefined;
    if (key === undefined) {
      this.begins('block-mapping', 'mapping values');
      this.fetchSeparator('value', !this.inFlow);
      return;
    }
    const at = key.number - this.taken;
    this.queue.splice(at, 0, { kind: 'key', start: key.mark });
    this.openBlock(key.mark.column, 'block-mapping', key.mark, at);
    this.dropKey(level, key);
    this.fetchSeparator('value', false);
  }

  private fetchInline(read: (start: Mark) => Token): void {
    this.mayBeKey();
    this.keyAllowed = false;
    this.queue.push(read(this.cursor.mark()));
  }

  private fetchBlockScalar(): void {
    this.forgetKey();
    this.keyAllowed = true;
    const start = this.cursor.mark();
    this.queue.push({ kind: 'scalar', text: readBlockScalar(this.cursor, this.indent), plain: false, start });
  }

  private fetchPlain(): void {
    this.mayBeKey();
    this.keyAllowed = false;
    const start = this.cursor.mark();
    const { text, broken } = readPlain(this.cursor, this.inFlow, this.indent);
    if (broken) this.keyAllowed = true;
    this.queue.push({ kind: 'scalar', text, plain: true, start });
  }
}
