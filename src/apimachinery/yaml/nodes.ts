// The tokens of a YAML text as a tree of nodes. Source: libyaml parser.c, go-yaml v2 parser.node.
import { misplaced, YamlError, type Mark } from './cursor.ts';
import { Scanner } from './scanner.ts';
import type { Token, TokenKind } from './tokens.ts';

interface Said {
  /** Counts from 0. */
  readonly line: number;
  /** In full, such as `tag:yaml.org,2002:str`; empty for none. */
  readonly tag: string;
  /** Empty for none. */
  readonly anchor: string;
}

export type YamlNode =
  | (Said & { readonly kind: 'scalar'; readonly text: string; readonly plain: boolean })
  | (Said & { readonly kind: 'sequence'; readonly items: readonly YamlNode[] })
  /** A key, its value, the next key, and so on. */
  | (Said & { readonly kind: 'mapping'; readonly items: readonly YamlNode[] })
  | (Said & { readonly kind: 'alias'; readonly name: string; readonly target: YamlNode });

type Collection = YamlNode & { readonly kind: 'sequence' | 'mapping'; readonly items: YamlNode[] };

const DEFAULT_HANDLES: readonly (readonly [string, string])[] = [
  ['!', '!'],
  ['!!', 'tag:yaml.org,2002:'],
];

export class Parser {
  private readonly scanner: Scanner;
  private handles = new Map(DEFAULT_HANDLES);
  private anchors = new Map<string, YamlNode>();
  private begun = false;
  /** Of the last token that was taken by its kind: what is left out behind it is there. */
  private line = 0;

  /** @param deepest collections inside each other */
  constructor(text: string, deepest: number) {
    this.scanner = new Scanner(text, deepest);
  }

  /** The next document; undefined at the end. What comes after it is not looked at. @throws YamlError */
  document(): YamlNode | undefined {
    const implicit = !this.begun;
    this.begun = true;
    this.handles = new Map(DEFAULT_HANDLES);
    this.anchors = new Map();
    if (!implicit) while (this.at('document-end')) this.scanner.next();
    if (this.at('end')) return undefined;
    const explicit = !implicit || this.at('version', 'tag-directive', 'document-start');
    if (explicit) this.readDirectives();
    const empty = explicit && this.at('version', 'tag-directive', 'document-start', 'document-end', 'end');
    const root = empty ? this.empty() : this.node(true, false);
    if (this.at('document-end')) this.scanner.next();
    return root;
  }

  private at(...kinds: readonly TokenKind[]): boolean {
    return kinds.includes(this.scanner.peek().kind);
  }

  private take(kind: TokenKind): boolean {
    if (!this.at(kind)) return false;
    this.line = this.scanner.next().start.line;
    return true;
  }

  private readDirectives(): void {
    let version = false;
    const own = new Set<string>();
    for (let token = this.scanner.peek(); ; token = this.scanner.peek()) {
      if (token.kind === 'version') {
        if (version) misplaced('found duplicate %YAML directive', token.start);
        if (token.major !== 1 || token.minor !== 1) misplaced('found incompatible YAML document', token.start);
        version = true;
      } else if (token.kind === 'tag-directive') {
        if (own.has(token.handle)) misplaced('found duplicate %TAG directive', token.start);
        own.add(token.handle);
        this.handles.set(token.handle, token.prefix);
      } else break;
      this.scanner.next();
    }
    const { start } = this.scanner.peek();
    if (!this.take('document-start')) misplaced('did not find expected <document start>', start);
  }

  /** What stands for nothing. @param line where it would be; where the next token is if it is not told */
  private empty(line = this.scanner.peek().start.line): YamlNode {
    return { kind: 'scalar', text: '', plain: true, line, tag: '', anchor: '' };
  }

  /** After an indicator that was taken. */
  private orEmpty(ends: readonly TokenKind[], node: () => YamlNode): YamlNode {
    return this.at(...ends) ? this.empty(this.line) : node();
  }

  /** @param indentless whether items of a sequence may stand at the indentation of the mapping they are in */
  private node(block: boolean, indentless: boolean): YamlNode {
    const { start } = this.scanner.peek();
    if (this.at('alias')) return this.alias(this.scanner.next() as Token & { kind: 'alias' });
    const said = this.properties(start);
    const token = this.scanner.peek();
    switch (token.kind) {
      case 'scalar':
        this.scanner.next();
        return this.named({ kind: 'scalar', text: token.text, plain: token.plain, ...said });
      case 'flow-sequence':
        return this.collection('sequence', said, (items) => this.flowSequence(items));
      case 'flow-mapping':
        return this.collection('mapping', said, (items) => this.flowMapping(items));
      case 'block-sequence':
        if (block) return this.collection('sequence', said, (items) => this.blockSequence(items));
        break;
      case 'block-mapping':
        if (block) return this.collection('mapping', said, (items) => this.blockMapping(items));
        break;
      case 'entry':
        if (indentless) return this.collection('sequence', said, (items) => this.indentlessSequence(items));
        break;
      default:
    }
    if (said.anchor === '' && said.tag === '') misplaced('did not find expected node content', token.start, start);
    return this.named({ kind: 'scalar', text: '', plain: true, ...said });
  }

  private named<N extends YamlNode>(node: N): N {
    if (node.anchor !== '') this.anchors.set(node.anchor, node);
    return node;
  }

  private alias({ name, start }: Token & { readonly kind: 'alias' }): YamlNode {
    const target = this.anchors.get(name);
    if (target === undefined) throw new YamlError(`yaml: unknown anchor '${name}' referenced`);
    return { kind: 'alias', name, target, line: start.line, tag: '', anchor: '' };
  }

  /** Anchor and tag, in any order. */
  private properties(start: Mark): Said {
    let anchor = '';
    let tag: (Token & { kind: 'tag' }) | undefined;
    for (let token = this.scanner.peek(); ; token = this.scanner.peek()) {
      if (token.kind === 'anchor' && anchor === '') anchor = token.name;
      else if (token.kind === 'tag' && tag === undefined) tag = token;
      else break;
      this.scanner.next();
    }
    return { line: start.line, anchor, tag: tag === undefined ? '' : this.tagName(tag, start) };
  }

  private tagName({ handle, suffix, start }: Token & { readonly kind: 'tag' }, context: Mark): string {
    if (handle === '') return suffix;
    const prefix = this.handles.get(handle);
    if (prefix === undefined) misplaced('found undefined tag handle', start, context);
    return prefix + suffix;
  }

  /** An alias inside may mean the collection itself, so it is known before it is whole. */
  private collection(kind: 'sequence' | 'mapping', said: Said, fill: (items: YamlNode[]) => void): YamlNode {
    const node: Collection = this.named({ kind, items: [], ...said });
    fill(node.items);
    return node;
  }

  private blockSequence(items: YamlNode[]): void {
    const { start } = this.scanner.next();
    while (this.take('entry')) items.push(this.orEmpty(['entry', 'block-end'], () => this.node(true, false)));
    this.endBlock(start, "did not find expected '-' indicator");
  }

  private indentlessSequence(items: YamlNode[]): void {
    while (this.take('entry')) items.push(this.orEmpty(['entry', 'key', 'value', 'block-end'], () => this.node(true, false)));
  }

  private blockMapping(items: YamlNode[]): void {
    const { start } = this.scanner.next();
    const part = (): YamlNode => this.orEmpty(['key', 'value', 'block-end'], () => this.node(true, true));
    while (this.take('key')) items.push(part(), this.take('value') ? part() : this.empty());
    this.endBlock(start, 'did not find expected key');
  }

  private endBlock(context: Mark, problem: string): void {
    const { start } = this.scanner.peek();
    if (!this.take('block-end')) misplaced(problem, start, context);
  }

  private flowSequence(items: YamlNode[]): void {
    const { start } = this.scanner.next();
    for (let first = true; !this.at('flow-sequence-end'); first = false) {
      if (!first) this.separator(start, "did not find expected ',' or ']'");
      if (this.at('key')) items.push(this.pair());
      else if (!this.at('flow-sequence-end')) items.push(this.node(false, false));
    }
    this.scanner.next();
  }

  private separator(context: Mark, problem: string): void {
    const { start } = this.scanner.peek();
    if (!this.take('flow-entry')) misplaced(problem, start, context);
  }

  /** `key: value` in a sequence: a mapping of its own. */
  private pair(): YamlNode {
    this.take('key');
    const { line } = this;
    const items: YamlNode[] = [];
    if (this.at('value', 'flow-entry', 'flow-sequence-end')) {
      items.push(this.empty(line));
      this.scanner.next(); // as upstream does, be it the colon or what ends the pair
    } else items.push(this.node(false, false));
    items.push(this.take('value') ? this.orEmpty(['flow-entry', 'flow-sequence-end'], () => this.node(false, false)) : this.empty());
    return { kind: 'mapping', items, line, tag: '', anchor: '' };
  }

  private flowMapping(items: YamlNode[]): void {
    const { start } = this.scanner.next();
    const part = (...ends: readonly TokenKind[]): YamlNode =>
      this.orEmpty(['flow-entry', 'flow-mapping-end', ...ends], () => this.node(false, false));
    for (let first = true; !this.at('flow-mapping-end'); first = false) {
      if (!first) this.separator(start, "did not find expected ',' or '}'");
      if (this.take('key')) items.push(part('value'), this.take('value') ? part() : this.empty());
      else if (!this.at('flow-mapping-end')) items.push(this.node(false, false), this.empty());
    }
    this.scanner.next();
  }
}
