// A list as parts that are put one after the other: bytes of its objects that are there already, and what stands between.
import { encodeItem, listEnvelope, listItem } from '#api/protobuf/lists.ts';
import { schemaOfDefinition } from '#api/schema.ts';
import { goJson, goSortedJson, htmlEscaped } from '#apimachinery/go-format.ts';
import { toYaml } from '#apimachinery/yaml.ts';
import { nextTurn } from '#base/next-turn.ts';
import { metadataJson } from '../cache/metadata-json.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import { metadataOnly } from '../negotiation/partial-metadata.ts';
import type { TableMaker } from '../negotiation/table.ts';
import type { ServedResource } from '../registry/catalog.ts';
import type { ListResult } from '../registry/list.ts';
import type { Chunks } from './chunks.ts';
import { messagesOf } from './messages.ts';

/** Bytes, or what becomes bytes where it is put. */
export type Part = Uint8Array | LatePart;

interface LatePart {
  readonly length: number;
  /** Puts all of it at `offset` of `target`; returns where it ends. */
  copy(target: Buffer, offset: number): number;
}

/** The parts in buffers from `chunks`, or larger ones where a part needs it, made as they are asked for. */
export function* packed(parts: Iterable<Part>, chunks: Chunks): Generator<Buffer> {
  let chunk = chunks.take();
  let at = 0;
  for (const part of parts) {
    if (at + part.length > chunk.length) {
      if (at > 0) yield chunk.subarray(0, at);
      chunk = part.length > chunks.size ? Buffer.allocUnsafeSlow(part.length) : chunks.take();
      at = 0;
    }
    if (part instanceof Uint8Array) chunk.set(part, at);
    else part.copy(chunk, at);
    at += part.length;
  }
  if (at > 0) yield chunk.subarray(0, at);
}

export function listMetadata({ revision, continue: token, remainingItemCount }: ListResult): Readonly<Record<string, unknown>> {
  return {
    // What is computed is of no revision.
    ...(revision === 0 ? {} : { resourceVersion: String(revision) }),
    ...(token === '' ? {} : { continue: token }),
    ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
  };
}

/** A list of custom resources says that nothing follows. Source: UnstructuredList.SetContinue. */
export function plainListMetadata({ info }: ServedResource, list: ListResult): Readonly<Record<string, unknown>> {
  return info.origin === 'custom' ? { continue: '', ...listMetadata(list) } : listMetadata(list);
}

const COMMA = Buffer.from(',');
const END = Buffer.from(']}\n');

/** `head`: an object whose last member is the empty list that `items` fill. */
function* jsonList(head: object, items: Iterable<readonly Part[]>): Generator<Part> {
  yield Buffer.from(goJson(head).slice(0, -']}'.length));
  let first = true;
  for (const item of items) {
    if (!first) yield COMMA;
    first = false;
    yield* item;
  }
  yield END;
}

const item = (object: StoredObject): LatePart => ({
  length: object.itemLength,
  copy: (target, offset) => object.copyItem(target, offset),
});

/** Of a map, in which the members lie otherwise, it is made anew. */
function metadata(object: StoredObject): Part {
  if (object.layout.typedItems) return Buffer.from(metadataJson(object.fleeting.metadata));
  return { length: object.metadataLength, copy: (target, offset) => object.copyMetadata(target, offset) };
}

const whole = (object: StoredObject): LatePart => ({
  length: object.jsonLength,
  copy: (target, offset) => object.copyJson(target, offset),
});

function* eachView<T>({ view }: ServedResource, { items }: ListResult, make: (object: StoredObject) => T): Generator<T> {
  for (const object of items) yield make(view(object));
}

/** A list whose items are the same bytes in every list, but for the first one of JSON, before which no comma stands. */
export interface ListBody {
  /** What all lists with these items have in common: `v1 json`. */
  readonly form: string;
  readonly objects: readonly StoredObject[];
  /** What stands before the items tells how long they are. */
  readonly lengthFirst: boolean;
  /** Items that had to be encoded so far, by whatever list. */
  readonly encoded: number;
  /** Of the object at `index`. */
  item(index: number): readonly Part[];
  /** What stands before and behind items of so many bytes. */
  around(itemBytes: number): { readonly before: readonly Part[]; readonly behind: readonly Part[] };
}

export function jsonBody(served: ServedResource, list: ListResult): ListBody {
  const { info, apiVersion, view } = served;
  const { items } = list;
  return {
    form: `${apiVersion} json`,
    objects: items,
    lengthFirst: false,
    encoded: 0,
    item: (index) => {
      const bytes = item(view(items[index] as StoredObject));
      return index === 0 ? [bytes] : [COMMA, bytes];
    },
    around: () => {
      const metadata = plainListMetadata(served, list);
      const [before = '', behind = ''] = (
        info.origin === 'custom'
          ? goSortedJson({ kind: info.listKind, apiVersion, metadata, items: [] }) // a map of Go
          : JSON.stringify({ kind: info.listKind, apiVersion, metadata, items: [] })
      ).split('[]');
      return { before: [Buffer.from(`${before}[`)], behind: [Buffer.from(`]${behind}\n`)] };
    },
  };
}

export function protobufBody(served: ServedResource, list: ListResult): ListBody {
  const messages = messagesOf(served);
  const head = { kind: served.info.listKind, apiVersion: served.apiVersion, metadata: listMetadata(list) };
  return {
    form: `${served.apiVersion} protobuf`,
    objects: list.items,
    lengthFirst: true,
    get encoded() {
      return messages.encoded;
    },
    item: (index) => [messages.item(list.items[index] as StoredObject)],
    around: (bytes) => listEnvelope(head, bytes),
  };
}

/** The metadata of objects in protobuf, as caches of metadata ask for it. @param metaVersion `meta.k8s.io/v1` */
export function metadataBody({ apiVersion, view }: ServedResource, list: ListResult, metaVersion: string): ListBody {
  const schema = schemaOfDefinition('io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata');
  const head = { kind: 'PartialObjectMetadataList', apiVersion: metaVersion, metadata: listMetadata(list) };
  let encoded = 0;
  return {
    form: `${apiVersion} metadata protobuf`,
    objects: list.items,
    lengthFirst: true,
    get encoded() {
      return encoded;
    },
    item: (index) => {
      encoded++;
      const { object } = view(list.items[index] as StoredObject);
      return [listItem(encodeItem(metadataOnly(object, metaVersion), schema))];
    },
    around: (bytes) => listEnvelope(head, bytes),
  };
}

/** Items encoded, or only looked up, before other requests have their turn again. */
const ENCODED_IN_A_TURN = 250;
const HELD_IN_A_TURN = 5_000;

/** The parts of `body`, made as they are asked for, or all at once where their length stands before them. */
export async function wholeBody(body: ListBody): Promise<Iterable<Part>> {
  if (!body.lengthFirst) return streamedBody(body);
  const { objects, item: itemOf, around } = body;
  const items: Part[] = [];
  let bytes = 0;
  let [since, encoded] = [0, body.encoded];
  for (let i = 0; i < objects.length; i++) {
    if (body.encoded - encoded >= ENCODED_IN_A_TURN || i - since >= HELD_IN_A_TURN) {
      await nextTurn();
      [since, encoded] = [i, body.encoded];
    }
    for (const part of itemOf(i)) {
      items.push(part);
      bytes += part.length;
    }
  }
  const { before, behind } = around(bytes);
  return [...before, ...items, ...behind];
}

function* streamedBody({ objects, item: itemOf, around }: ListBody): Generator<Part> {
  const { before, behind } = around(0);
  yield* before;
  for (let i = 0; i < objects.length; i++) yield* itemOf(i);
  yield* behind;
}

/**
 * As JSON.stringify writes `list` with two spaces a level, an item at a time; whatever `items` are, the list's own are not
 * looked at. `list`: its last member is the empty list that they fill.
 */
export function* prettyList(list: object, items: Iterable<object>): Generator<Part> {
  const head = htmlEscaped(JSON.stringify(list, undefined, 2)).slice(0, -']\n}'.length);
  let before = `${head}\n    `;
  let some = false;
  for (const each of items) {
    yield Buffer.from(before + htmlEscaped(JSON.stringify(each, undefined, 2)).replaceAll('\n', '\n    '));
    before = ',\n    ';
    some = true;
  }
  yield Buffer.from(some ? '\n  ]\n}\n' : `${head}]\n}\n`);
}

/**
 * `list` as YAML, an item at a time.
 * @param member of the list that is empty in it, and that the items fill
 */
export function* yamlList(list: object, member: string, items: Iterable<object>): Generator<Part> {
  const empty = `${member}: []\n`;
  const [before = '', behind = ''] = `\n${toYaml(list)}`.split(`\n${empty}`); // what is inside of members stands further in
  let some = false;
  for (const each of items) {
    const text = toYaml([each]);
    yield Buffer.from(some ? text : `${before}\n${member}:\n${text}`.slice(1));
    some = true;
  }
  yield Buffer.from(some ? behind : `${before}\n${empty}${behind}`.slice(1));
}

const metadataHead = (metaVersion: string): Buffer =>
  Buffer.from(`{"kind":"PartialObjectMetadata","apiVersion":"${metaVersion}","metadata":`);
const CLOSE = Buffer.from('}');
const NO_OBJECT = Buffer.from('null');

/** @param metaVersion `meta.k8s.io/v1` */
export function metadataList(served: ServedResource, list: ListResult, metaVersion: string): Generator<Part> {
  const head = { kind: 'PartialObjectMetadataList', apiVersion: metaVersion, metadata: listMetadata(list), items: [] };
  const before = metadataHead(metaVersion);
  return jsonList(
    head,
    eachView(served, list, (object) => [before, metadata(object), CLOSE]),
  );
}

/** @param metaVersion `meta.k8s.io/v1` */
export function tableList(served: ServedResource, list: ListResult, metaVersion: string, tables: TableMaker): Generator<Part> {
  const { rows: _rows, ...table } = tables.table(served, [], metaVersion, true, listMetadata(list));
  const print = tables.printed(served);
  const before = metadataHead(metaVersion);
  const shown = (object: StoredObject): readonly Part[] => {
    if (tables.includeObject === 'Metadata') return [before, metadata(object), CLOSE];
    return [tables.includeObject === 'Object' ? whole(object) : NO_OBJECT];
  };
  function* rows(): Generator<readonly Part[]> {
    for (const stored of list.items) {
      const object = served.view(stored);
      for (const row of print(object.trimmed)) {
        yield [Buffer.from(`${goJson(row).slice(0, -1)},"object":`), ...shown(object), CLOSE];
      }
    }
  }
  return jsonList({ ...table, rows: [] }, rows());
}
