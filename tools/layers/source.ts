// Reads from one file's syntax tree what the rules ask about it.
import { parseAst } from 'rolldown/parseAst';

export interface Found {
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

export interface Import extends Found {
  /** The specifier as written is `what`. Nothing of a type-only import is left when the code runs. */
  readonly typeOnly: boolean;
}

export interface Source {
  /** From the checkout's root. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  /** `await`, `async` and `Promise`, wherever they stand. */
  readonly asynchrony: readonly Found[];
  /** Names of globals with an effect that are read. */
  readonly effects: readonly Found[];
  /** `new Date()` and `Date()`: the machine's clock. `new Date(ms)` is arithmetic and is not among them. */
  readonly clockReads: readonly Found[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

const EFFECTFUL_GLOBALS = ['process', 'console', 'fetch', 'setImmediate', 'queueMicrotask', 'performance', 'crypto'];

/** @throws SyntaxError-like error from the parser, naming the place */
export function readSource(path: string, text: string): Source {
  const starts = lineStarts(text);
  const imports: Import[] = [];
  const asynchrony: Found[] = [];
  const effects: Found[] = [];
  const clockReads: Found[] = [];
  const at = (node: Node): number => lineAt(starts, node.start);

  visit(parse(path, text), (node, parent) => {
    const imported = importOf(node);
    if (imported !== undefined) imports.push({ line: at(node), ...imported });
    if (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node['await'] === true)) {
      asynchrony.push({ line: at(node), what: 'await' });
    }
    if (node['async'] === true) asynchrony.push({ line: at(node), what: 'async' });
    if (node.type === 'Identifier' && !isPropertyName(node, parent)) {
      const name = String(node['name']);
      if (name === 'Promise') asynchrony.push({ line: at(node), what: name });
      if (EFFECTFUL_GLOBALS.includes(name) && !isInType(parent)) effects.push({ line: at(node), what: name });
    }
    if (readsClock(node)) clockReads.push({ line: at(node), what: node.type === 'NewExpression' ? 'new Date()' : 'Date()' });
  });
  return { path, text, lines: starts.length - (text.endsWith('\n') ? 1 : 0), imports, asynchrony, effects, clockReads };
}

function parse(path: string, text: string): Node {
  return parseAst(text, { lang: path.endsWith('.tsx') ? 'tsx' : 'ts', sourceType: 'module' }, path) as unknown as Node;
}

function visit(node: Node, enter: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  enter(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) visit(child, enter, node);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function importOf(node: Node): { what: string; typeOnly: boolean } | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return { what: literal(node['source']), typeOnly: node['importKind'] === 'type' };
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      if (!isNode(node['source'])) return undefined;
      return { what: literal(node['source']), typeOnly: node['exportKind'] === 'type' };
    case 'ImportExpression':
      return isNode(node['source']) && node['source'].type === 'Literal' ? { what: literal(node['source']), typeOnly: false } : undefined;
    case 'TSImportType':
      return { what: literal(node['source'] ?? node['argument']), typeOnly: true };
    default:
      return undefined;
  }
}

function literal(node: unknown): string {
  return isNode(node) ? String(node['value'] ?? '') : '';
}

/** `x.Promise` and `{ process: … }` name a property, not the global. */
function isPropertyName(node: Node, parent: Node | undefined): boolean {
  if (parent === undefined) return false;
  if (parent.type === 'MemberExpression') return parent['property'] === node && parent['computed'] !== true;
  return parent['key'] === node && parent['computed'] !== true && parent['shorthand'] !== true;
}

function isInType(parent: Node | undefined): boolean {
  return parent?.type.startsWith('TS') === true && parent.type !== 'TSAsExpression' && parent.type !== 'TSNonNullExpression';
}

function readsClock(node: Node): boolean {
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return false;
  const callee = node['callee'];
  if (!isNode(callee) || callee.type !== 'Identifier' || callee['name'] !== 'Date') return false;
  return node.type === 'CallExpression' || (node['arguments'] as unknown[]).length === 0;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], offset: number): number {
  const next = starts.findIndex((start) => start > offset);
  return next === -1 ? starts.length : next;
}
