// A list on the wire: stored bytes, copied one after the other into chunks; nothing is encoded again.
import { createGzip, type Gzip } from 'node:zlib';
import { once } from 'node:events';
import { hasMessage } from '#api/protobuf/codec.ts';
import type { OutputForm } from '../negotiation/output.ts';
import type { TableMaker } from '../negotiation/table.ts';
import { metadataOnly } from '../negotiation/partial-metadata.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { ServedResource } from '../registry/catalog.ts';
import type { ListResult } from '../registry/list.ts';
import { Chunks } from './chunks.ts';
import { ClientGoneError, type Exchange, type ResponseHeaders } from './exchange.ts';
import {
  jsonBody,
  listMetadata,
  metadataBody,
  metadataList,
  packed,
  plainListMetadata,
  prettyList,
  protobufBody,
  tableList,
  wholeBody,
  yamlList,
  type ListBody,
  type Part,
} from './list-parts.ts';
import { planZipped, zippedList } from './zipped-list.ts';

/** A list that fits is sent whole; a longer one in chunks of this size, bytes. Also where gzip begins. Source: defaultGzipThresholdBytes. */
const CHUNK = 128 * 1024;
/** Source: defaultGzipContentEncodingLevel. */
const GZIP_LEVEL = 1;
/** A mebibyte of them: a list has one or two under way. */
const CHUNKS = new Chunks(CHUNK, 8);

export interface ListAnswer {
  readonly served: ServedResource;
  readonly list: ListResult;
  readonly form: OutputForm;
  readonly tables: TableMaker;
  readonly pretty: boolean;
  readonly headers: ResponseHeaders;
  readonly encode: (object: object) => Buffer;
}

/** Rows may come in another order than objects do. */
function inOrder(answer: ListAnswer): ListAnswer {
  const { served, list, form, tables } = answer;
  if (form.transform !== 'Table') return answer;
  return { ...answer, list: { ...list, items: tables.ordered(served, list.items, (item) => served.view(item).trimmed) } };
}

export async function respondWithList(exchange: Exchange, given: ListAnswer): Promise<void> {
  const answer = inOrder(given);
  const body = bodyOf(answer);
  if (body === undefined) {
    await send(exchange, answer.headers, packed(partsOf(answer), CHUNKS));
    return;
  }
  const plan = acceptsGzip(exchange) && mayBeLong(answer.list) ? await planZipped(body, answer.served.stored?.cache) : undefined;
  if (plan !== undefined && plan.itemBytes > CHUNK) await stream(exchange, zipped(answer.headers), zippedList(plan));
  else await send(exchange, answer.headers, packed(await wholeBody(body), CHUNKS));
}

/** By what is stored of its objects: no form of them is longer. */
function mayBeLong({ items }: ListResult): boolean {
  let bytes = 0;
  for (const { value } of items) if ((bytes += value.length) > CHUNK) return true;
  return false;
}

/** Of a list whose items are sent as they are; undefined for one that shows something else of them. */
function bodyOf({ served, list, form, pretty }: ListAnswer): ListBody | undefined {
  if (form.encoding === 'protobuf' && form.transform.startsWith('PartialObjectMetadata') && form.metaVersion === 'v1')
    return metadataBody(served, list, 'meta.k8s.io/v1');
  if (form.transform !== 'none' || pretty) return undefined;
  if (form.encoding === 'json') return jsonBody(served, list);
  return form.encoding === 'protobuf' && hasMessage(served.info.schema) ? protobufBody(served, list) : undefined;
}

function partsOf(answer: ListAnswer): Iterable<Part> {
  const { served, list, form, tables, pretty } = answer;
  if (form.encoding === 'protobuf') return [answer.encode(listObject(answer, list.items))];
  if (form.encoding === 'yaml') return yamlList(listObject(answer, []), memberOf(answer), eachItem(answer));
  if (pretty) return prettyList(listObject(answer, []), eachItem(answer));
  const metaVersion = `meta.k8s.io/${form.metaVersion}`;
  return form.transform === 'Table' ? tableList(served, list, metaVersion, tables) : metadataList(served, list, metaVersion);
}

const memberOf = ({ form }: ListAnswer): string => (form.transform === 'Table' ? 'rows' : 'items');

/** As the list shows them, made one by one. */
function* eachItem(answer: ListAnswer): Generator<object> {
  for (const item of answer.list.items) yield* listObject(answer, [item])[memberOf(answer)] as readonly object[];
}

function listObject({ served, list, form, tables }: ListAnswer, stored: readonly StoredObject[]): Readonly<Record<string, unknown>> {
  const { info, apiVersion, layout } = served;
  const metadata = listMetadata(list);
  const objects = stored.map((item) => (form.encoding === 'json' ? served.view(item).ordered : served.view(item).fleeting));
  const metaVersion = `meta.k8s.io/${form.metaVersion}`;
  switch (form.transform) {
    case 'Table':
      return { ...tables.table(served, objects, metaVersion, true, metadata) };
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return {
        kind: 'PartialObjectMetadataList',
        apiVersion: metaVersion,
        metadata,
        items: objects.map((object) => metadataOnly(object, metaVersion)),
      };
    case 'none': {
      const items = layout.typedItems ? objects : objects.map(({ kind: _kind, apiVersion: _apiVersion, ...rest }) => rest);
      return { kind: info.listKind, apiVersion, metadata: plainListMetadata(served, list), items };
    }
  }
}

async function send(exchange: Exchange, headers: ResponseHeaders, chunks: Generator<Buffer>): Promise<void> {
  const first = chunks.next().value as Buffer;
  const second = chunks.next();
  if (second.done === true && first.length <= CHUNK) {
    exchange.respond(200, headers, Buffer.from(first)); // a copy of its own size, of which most are small
    CHUNKS.give(first);
    return;
  }
  const all = (function* (): Generator<Buffer> {
    yield first;
    if (second.done !== true) yield second.value;
    yield* chunks;
  })();
  if (acceptsGzip(exchange)) await stream(exchange, zipped(headers), squeezed(all));
  else await stream(exchange, headers, all, (chunk) => CHUNKS.give(chunk));
}

const zipped = (headers: ResponseHeaders): ResponseHeaders => ({ ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' });

/** @param sent what becomes of a chunk that nobody needs any more */
async function stream(
  exchange: Exchange,
  headers: ResponseHeaders,
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
  sent?: (chunk: Buffer) => void,
): Promise<void> {
  const out = exchange.stream(200, headers);
  if (out === undefined) return;
  try {
    for await (const chunk of chunks) if (!out.write(chunk, sent && (() => sent(chunk)))) await out.drained();
    out.end();
  } catch (error) {
    if (error instanceof ClientGoneError) return;
    out.abort(); // half a list must not look like a whole one
    throw error;
  }
}

/** Compressed as it comes. */
async function* squeezed(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK });
  const fed = (async (): Promise<void> => {
    for (const chunk of chunks) {
      await squeeze(gzip, chunk);
      if (gzip.destroyed) return; // nobody reads on
    }
    gzip.end();
  })();
  fed.catch((error: unknown) => gzip.destroy(error as Error));
  for await (const chunk of gzip) yield chunk as Buffer;
}

/** Resolves when there is room for more; breaking off the answer destroys it, and then there is. */
async function squeeze(gzip: Gzip, chunk: Buffer): Promise<void> {
  if (gzip.write(chunk) || gzip.destroyed) return;
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race([once(gzip, 'drain', { signal }), once(gzip, 'close', { signal })]).finally(() => settled.abort());
}

/** Source: responseContentEncodingSupported: only GET is compressed. */
function acceptsGzip(exchange: Exchange): boolean {
  if (exchange.method !== 'GET') return false;
  const encodings = exchange.header('accept-encoding') ?? '';
  return encodings.split(',').some((one) => one.trim().split(';')[0] === 'gzip');
}
