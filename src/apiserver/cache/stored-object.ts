// One version of one object, kept once and shared by every reader: its stored JSON bytes and, once somebody needs it, the
// object itself, without its managedFields for as long as it is there, with them for a while. All are immutable.
import type { KubeObject } from '#api/types.ts';
import { withoutManagedFields } from '#api/without-managed-fields.ts';
import { htmlEscaped } from '#apimachinery/go-format.ts';
import { parseExactly } from '#apimachinery/json.ts';
import { DecodedObjects } from './decoded-objects.ts';
import { HeapBytes } from './heap-bytes.ts';
import { mapMetadataText, metadataText } from './metadata-json.ts';

/** Reads values of one resource. */
export interface StoredLayout {
  read(key: string, revision: number, bytes: Uint8Array): StoredObject;
}

/** An object of the layout's kind and version from a value that is laid out otherwise. @throws for what is no such value */
type ForeignReader = (bytes: Buffer) => KubeObject;

const readJson: ForeignReader = (bytes) => parseExactly(bytes.toString()) as KubeObject;

interface LayoutOptions {
  readonly apiVersion: string;
  readonly kind: string;
  readonly typedItems: boolean;
  /** Default: JSON with its members in any order. */
  readonly foreign?: ForeignReader;
}

/** What all objects of one stored kind share in their bytes. */
export class ObjectLayout implements StoredLayout {
  readonly apiVersion: string;
  readonly kind: string;
  /** `{"kind":"Pod","apiVersion":"v1",`: the first bytes of every value of this kind. */
  readonly head: string;
  /** Where the members of metadata begin. */
  readonly metadataStart: number;
  /**
   * Built-in kinds are listed without kind and apiVersion, custom ones with, as upstream does: those are structs of Go, these are
   * maps, whose members it writes in alphabetical order.
   */
  readonly typedItems: boolean;
  readonly decoded = new DecodedObjects();
  readonly #prefix: HeapBytes;
  readonly #foreign: ForeignReader;

  constructor({ apiVersion, kind, typedItems, foreign = readJson }: LayoutOptions) {
    this.apiVersion = apiVersion;
    this.kind = kind;
    this.typedItems = typedItems;
    this.#foreign = foreign;
    const names = [`"kind":${JSON.stringify(kind)},`, `"apiVersion":${JSON.stringify(apiVersion)},`];
    this.head = `{${(typedItems ? names.toReversed() : names).join('')}`;
    this.#prefix = HeapBytes.of(`${this.head}"metadata":{`);
    this.metadataStart = this.#prefix.length;
  }

  /**
   * What is stored: kind, apiVersion, metadata without resourceVersion in Go's order, then the rest in its
   * own order; escaped as Go's encoder does. Objects that were decoded are equal when their bytes are.
   */
  encode(object: KubeObject): HeapBytes {
    const metadata = this.typedItems ? mapMetadataText(object.metadata) : metadataText(object.metadata);
    const rest = JSON.stringify({ ...object, kind: undefined, apiVersion: undefined, metadata: undefined });
    return HeapBytes.of(htmlEscaped(`${this.head}"metadata":${metadata}${rest === '{}' ? '}' : `,${rest.slice(1)}`}`));
  }

  /** Whether a value is laid out like this. */
  has(value: HeapBytes): boolean {
    return value.length > this.metadataStart && value.startsWith(this.#prefix);
  }

  /** A value as stored, in this layout; one that another writer laid out differently is encoded again. */
  read(key: string, revision: number, bytes: Uint8Array): StoredObject {
    const value = HeapBytes.from(bytes);
    const kept = this.has(value) ? value : this.encode(this.#foreign(value.toBuffer()));
    return new StoredObject(this, key, revision, kept, undefined);
  }
}

/** Bytes around the digits of a spliced resourceVersion. */
const RESOURCE_VERSION_OVERHEAD = '"resourceVersion":"",'.length;
/** What stands before it in metadata of a struct. */
const BEFORE_RESOURCE_VERSION = /(?:"(?:name|generateName|namespace|selfLink|uid)":"(?:[^"\\]|\\.)*",)*/y;
/** The member behind it in a map, the last one. */
const LAST_OF_MAP = /"uid":"[^"]*"\}/y;
const UID = '"uid":"';

const NEWLINE = 0x0a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class StoredObject {
  readonly layout: ObjectLayout;
  /** `namespace/name`, or `name` when cluster-scoped. */
  readonly key: string;
  /** 0 for an object that was not stored (dry run): it is served without a resourceVersion. */
  readonly revision: number;
  /** JSON in the layout's form, without resourceVersion. */
  readonly value: HeapBytes;
  #object: KubeObject | undefined;
  #trimmed: KubeObject | undefined;
  /** What is decoded: until a cache has the object it goes with it, then it has a bound, and of a past version nothing stays. */
  #keeps: 'always' | 'among the latest' | 'never' = 'always';
  /** Behind the closing brace of metadata. */
  #knownMetadataEnd: number | undefined;

  /** `object`: what `value` says, with or without the resourceVersion. */
  constructor(layout: ObjectLayout, key: string, revision: number, value: HeapBytes, object: KubeObject | undefined) {
    this.layout = layout;
    this.key = key;
    this.revision = revision;
    this.value = value;
    if (object !== undefined) this.#object = withResourceVersion(object, revision);
  }

  /** With its resourceVersion. Decoded where it is not among the latest that were. */
  get object(): KubeObject {
    return this.#object ?? this.#keep(this.#decode());
  }

  /** As `object`, for who reads many and is done with each at once: what is decoded for that is not kept. */
  get fleeting(): KubeObject {
    return this.#object ?? this.#decode();
  }

  /** As `object`, but for its managedFields: half of a pod, and of interest to writers only. The same one at each call. */
  get trimmed(): KubeObject {
    return (this.#trimmed ??= withoutManagedFields(this.fleeting));
  }

  /**
   * A cache has it from now on: its `object` stays for as long as it is among the latest that were decoded. What no cache has, such
   * as what a dry run answers, goes as a whole when nobody needs it any more.
   */
  hold(): void {
    this.#keeps = 'among the latest';
    if (this.#object !== undefined) this.layout.decoded.add(this);
  }

  /** Lets go of `object`, which is decoded anew for whoever asks again. */
  forgetObject(): void {
    this.#object = undefined;
  }

  /** As forgetObject, and of `trimmed` too, for good: of a version that is not the latest. */
  forgetDecoded(): void {
    this.#keeps = 'never';
    this.layout.decoded.remove(this);
    this.#object = undefined;
    this.#trimmed = undefined;
  }

  #decode(): KubeObject {
    const object = parseExactly(this.value.toString()) as { metadata: { resourceVersion?: string } };
    if (this.revision !== 0) object.metadata.resourceVersion = String(this.revision);
    return object as unknown as KubeObject;
  }

  #keep(object: KubeObject): KubeObject {
    if (this.#keeps === 'never') return object;
    this.#object = object;
    if (this.#keeps === 'among the latest') this.layout.decoded.add(this);
    return object;
  }

  /** As `object`, with all members in the order in which they are served. */
  get ordered(): KubeObject {
    return parseExactly(this.json().toString()) as KubeObject;
  }

  /** The same content under the revision of its delete, as DELETED events carry it. */
  at(revision: number): StoredObject {
    return new StoredObject(this.layout, this.key, revision, this.value, this.#object);
  }

  /** Empty when cluster-scoped. */
  get namespace(): string {
    const slash = this.key.indexOf('/');
    return slash === -1 ? '' : this.key.slice(0, slash);
  }

  get name(): string {
    return this.key.slice(this.key.indexOf('/') + 1);
  }

  /** Length of the served JSON in bytes. */
  get jsonLength(): number {
    return this.value.length + (this.revision === 0 ? 0 : RESOURCE_VERSION_OVERHEAD + String(this.revision).length);
  }

  /** Writes the served JSON at `offset`, which must have `jsonLength` bytes left; returns the end. */
  copyJson(target: Buffer, offset: number): number {
    return this.#copyFrom(0, target, offset);
  }

  /** Length of the JSON of a list item. */
  get itemLength(): number {
    return this.layout.typedItems ? this.jsonLength : this.jsonLength - this.layout.head.length + 1;
  }

  /** As copyJson, in the form of a list item. */
  copyItem(target: Buffer, offset: number): number {
    if (this.layout.typedItems) return this.#copyFrom(0, target, offset);
    target[offset] = OPEN_BRACE;
    return this.#copyFrom(this.layout.head.length, target, offset + 1);
  }

  /** The answer to a GET: JSON and a newline, as Go's encoder ends it. */
  json(): Buffer {
    const out = Buffer.allocUnsafe(this.jsonLength + 1);
    out[this.copyJson(out, 0)] = NEWLINE;
    return out;
  }

  /** Length of the JSON of its metadata alone, in the order of the layout. */
  get metadataLength(): number {
    return this.jsonLength - this.layout.metadataStart - (this.value.length - this.#metadataEnd) + 1;
  }

  /** As copyJson, of the metadata alone. */
  copyMetadata(target: Buffer, offset: number): number {
    target[offset] = OPEN_BRACE;
    return this.#copyFrom(this.layout.metadataStart, target, offset + 1, this.#metadataEnd);
  }

  get #metadataEnd(): number {
    return (this.#knownMetadataEnd ??= objectEnd(this.value, this.layout.metadataStart));
  }

  /** Where a resourceVersion goes, which is stored as the key's revision alone. */
  get #splice(): number {
    const { value, layout } = this;
    if (!layout.typedItems) return value.skip(BEFORE_RESOURCE_VERSION, layout.metadataStart);
    const last = value.lastIndexOf(UID, this.#metadataEnd);
    return last > layout.metadataStart && value.skip(LAST_OF_MAP, last) === this.#metadataEnd ? last : layout.metadataStart;
  }

  #copyFrom(start: number, target: Buffer, offset: number, end: number = this.value.length): number {
    if (this.revision === 0) return this.value.copy(target, offset, start, end);
    const splice = this.#splice;
    let at = this.value.copy(target, offset, start, splice);
    at += target.write(`"resourceVersion":"${this.revision}",`, at, 'latin1');
    return this.value.copy(target, at, splice, end);
  }
}

/** Where the object ends whose members begin at `start`. */
function objectEnd(value: HeapBytes, start: number): number {
  let depth = 1;
  let at = start;
  for (; depth > 0; at++) {
    const byte = value.at(at);
    if (byte === QUOTE) while (value.at(++at) !== QUOTE) at += Number(value.at(at) === BACKSLASH);
    else if (byte === OPEN_BRACE) depth++;
    else if (byte === CLOSE_BRACE) depth--;
  }
  return at;
}

function withResourceVersion(object: KubeObject, revision: number): KubeObject {
  if (revision === 0) return object;
  const resourceVersion = String(revision);
  if (object.metadata.resourceVersion === resourceVersion) return object;
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}
