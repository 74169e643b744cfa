// The tree of a YAML text as JSON values. Source: go-yaml v2 decode.go; sigs.k8s.io/yaml convertToJSONableObject.
import { byteOrder, goFloat, goQuote } from '../go-format.ts';
import { YamlError } from './cursor.ts';
import type { YamlNode } from './nodes.ts';
import { MERGE, scalarValue } from './scalar-values.ts';

/** Nodes read through aliases may be nearly all of up to so many, and a tenth of ten times as many. */
const MANY_NODES = 400_000;
const NOT_A_MERGE = 'yaml: map merge requires map or sequence of maps as the value';

type Key = string | number | bigint | boolean | null;

/** What a mapping holds before it is known whether JSON can say it: JSON's keys by what they were. */
class YamlMap {
  readonly entries = new Map<Key, unknown>();
}

export interface Decoded {
  readonly value: unknown;
  /** `line 4: key "a" already set in map`, for each key that is given twice. */
  readonly duplicates: readonly string[];
}

/** @throws YamlError for what JSON cannot say, and for aliases that blow up */
export function decodeNode(root: YamlNode): Decoded {
  const decoder = new Decoder();
  const value = jsonable(decoder.decode(root));
  if (decoder.endless) refuseEndless(value);
  return { value, duplicates: decoder.duplicates };
}

class Decoder {
  readonly duplicates: string[] = [];
  /** Whether there is a number that JSON does not know. */
  endless = false;
  private decoded = 0;
  private throughAliases = 0;
  private aliasDepth = 0;
  private readonly open = new Set<YamlNode>();

  decode(node: YamlNode): unknown {
    this.count();
    switch (node.kind) {
      case 'alias':
        return this.through(node.target, node.name, () => this.decode(node.target));
      case 'sequence':
        return node.items.map((item) => this.decode(item));
      case 'mapping': {
        const map = new YamlMap();
        this.fill(map, node.items);
        return map;
      }
      case 'scalar': {
        const value = scalarValue(node.text, node.plain, node.tag);
        if (typeof value === 'number' && !Number.isFinite(value)) this.endless = true;
        return value === MERGE ? node.text : value;
      }
    }
  }

  private count(): void {
    this.decoded++;
    if (this.aliasDepth > 0) this.throughAliases++;
    if (this.throughAliases <= 100 || this.decoded <= 1000) return;
    const allowed = this.decoded <= MANY_NODES ? 0.99 : Math.max(0.1, 0.99 - (0.89 * (this.decoded - MANY_NODES)) / (MANY_NODES * 9));
    if (this.throughAliases / this.decoded > allowed) throw new YamlError('yaml: document contains excessive aliasing');
  }

  private through<T>(target: YamlNode, name: string, read: () => T): T {
    if (this.open.has(target)) throw new YamlError(`yaml: anchor '${name}' value contains itself`);
    this.open.add(target);
    this.aliasDepth++;
    try {
      return read();
    } finally {
      this.aliasDepth--;
      this.open.delete(target);
    }
  }

  private fill({ entries }: YamlMap, items: readonly YamlNode[]): void {
    for (let i = 0; i < items.length; i += 2) {
      const [key, value] = [items[i] as YamlNode, items[i + 1] as YamlNode];
      if (isMerge(key)) {
        this.merge({ entries }, value);
        continue;
      }
      const name = this.decode(key);
      if (typeof name === 'object' && name !== null) throw new YamlError(`yaml: invalid map key: ${goSyntax(name)}`);
      const content = this.decode(value);
      if (entries.has(name as Key)) this.duplicates.push(`line ${value.line + 1}: key ${goSyntax(name)} already set in map`);
      entries.set(name as Key, content);
    }
  }

  private merge(map: YamlMap, from: YamlNode): void {
    const source = from.kind === 'alias' ? from.target : from;
    if (source.kind === 'mapping') {
      this.count();
      if (from.kind === 'alias') this.through(source, from.name, () => this.fill(map, source.items));
      else this.fill(map, source.items);
    } else if (from.kind === 'sequence') {
      // The first one counts most.
      for (const item of from.items.toReversed()) {
        if ((item.kind === 'alias' ? item.target : item).kind !== 'mapping') throw new YamlError(NOT_A_MERGE);
        this.merge(map, item);
      }
    } else throw new YamlError(NOT_A_MERGE);
  }
}

const isMerge = (node: YamlNode): boolean =>
  node.kind === 'scalar' && node.text === '<<' && (node.tag === 'tag:yaml.org,2002:merge' || (node.plain && node.tag === ''));

/** A value as Go's `%#v` prints what go-yaml read. */
function goSyntax(value: unknown): string {
  if (value === null) return 'interface {}(nil)';
  if (typeof value === 'string') return goQuote(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (value instanceof YamlMap) {
    const sorted = [...value.entries].toSorted(([a], [b]) => (a === null ? -1 : b === null ? 1 : byteOrder(String(a), String(b))));
    const members = sorted.map(([key, member]) => `${goSyntax(key)}:${goSyntax(member)}`);
    return `map[interface {}]interface {}{${members.join(', ')}}`;
  }
  if (isUint64(value)) return `0x${BigInt(value as number).toString(16)}`;
  return typeof value === 'number' && !Number.isSafeInteger(value) ? goFloat(value) : String(value);
}

const isUint64 = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 2 ** 63 && value <= 2 ** 64;

/** The first one in the order that JSON is written in. */
function refuseEndless(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new YamlError(`json: unsupported value: ${goFloat(value)}`);
  if (typeof value !== 'object' || value === null) return;
  const members = Array.isArray(value) ? value : Object.entries(value).toSorted(([a], [b]) => byteOrder(a, b));
  for (const member of members) refuseEndless(Array.isArray(value) ? member : (member as [string, unknown])[1]);
}

function jsonable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(jsonable);
  if (!(value instanceof YamlMap)) return value;
  const object: Record<string, unknown> = {};
  for (const [key, member] of value.entries) {
    const name = keyText(key, member);
    const content = jsonable(member);
    if (name === '__proto__') Object.defineProperty(object, name, { value: content, enumerable: true, configurable: true, writable: true });
    else object[name] = content;
  }
  return object;
}

/** A key of JSON. */
function keyText(key: Key, member: unknown): string {
  const typed = typeof key === 'object' ? '%!s(<nil>)' : isUint64(key) ? 'uint64' : undefined;
  if (typed !== undefined) {
    const [shown, value] = [key, member].map((part) => (part === null ? '<nil>' : goSyntax(part)));
    throw new YamlError(`unsupported map key of type: ${typed}, key: ${shown}, value: ${value}`);
  }
  if (typeof key !== 'number' || Number.isInteger(key)) return String(key);
  if (Number.isNaN(key)) return '.nan';
  if (!Number.isFinite(key)) return key > 0 ? '.inf' : '-.inf';
  return goFloat(shortestFloat32(key));
}

/** As few digits as tell it from its neighbours among the float32. */
function shortestFloat32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return Number(value.toPrecision(9));
}
