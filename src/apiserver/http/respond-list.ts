// A list on the wire: stored bytes, copied one after the other into chunks; nothing is encoded again.
import { createGzip, type Gzip } from 'node:zlib';
import { once } from 'node:events';
import { hasMessage } from '#api/protobuf/codec.ts';
import type { OutputForm } from '../negotiation/output.ts';
import type { TableMaker } from '../negotiation/table.ts';
import { metadataOnly } from '../negotiation/partial-metadata.ts';
import type { ServedResource } from '../registry/catalog.ts';
import type { ListResult } from '../registry/list.ts';
import { ClientGoneError, type Exchange, type ResponseHeaders } from './exchange.ts';
import { listMetadata, metadataList, packed, plainList, protobufList, tableList } from './list-parts.ts';

/** A list that fits is sent whole; a longer one in chunks of this size, bytes. Also where gzip begins. Source: defaultGzipThresholdBytes. */
const CHUNK = 128 * 1024;
/** Source: defaultGzipContentEncodingLevel. */
const GZIP_LEVEL = 1;

export interface ListAnswer {
  readonly served: ServedResource;
  readonly list: ListResult;
  readonly form: OutputForm;
  readonly tables: TableMaker;
  readonly pretty: boolean;
  readonly headers: ResponseHeaders;
  readonly encode: (object: object) => Buffer;
}

export async function respondWithList(exchange: Exchange, answer: ListAnswer): Promise<void> {
  await send(exchange, answer.headers, await bytesOf(answer));
}

async function bytesOf(answer: ListAnswer): Promise<Generator<Buffer>> {
  const { served, list, form, tables, pretty } = answer;
  const { transform, encoding } = form;
  const metaVersion = `meta.k8s.io/${form.metaVersion}`;
  if (encoding === 'json' && !pretty) {
    if (transform === 'none') return packed(plainList(served, list), CHUNK);
    if (transform === 'Table') return packed(tableList(served, list, metaVersion, tables), CHUNK);
    return packed(metadataList(served, list, metaVersion), CHUNK);
  }
  if (transform === 'none' && encoding === 'protobuf' && hasMessage(served.info.schema))
    return packed(await protobufList(served, list), CHUNK);
  return packed([answer.encode(listObject(answer))], CHUNK);
}

function listObject({ served, list, form, tables }: ListAnswer): object {
  const { info, apiVersion, layout } = served;
  const metadata = listMetadata(list);
  const objects = list.items.map((item) => served.view(item).object);
  const metaVersion = `meta.k8s.io/${form.metaVersion}`;
  switch (form.transform) {
    case 'Table':
      return tables.table(served, objects, metaVersion, true, metadata);
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
      return { kind: info.listKind, apiVersion, metadata, items };
    }
  }
}

async function send(exchange: Exchange, headers: ResponseHeaders, chunks: Generator<Buffer>): Promise<void> {
  const first = chunks.next().value as Buffer;
  const second = chunks.next();
  const long = second.done !== true || first.length > CHUNK;
  const zipped = long && acceptsGzip(exchange);
  if (!long) {
    exchange.respond(200, headers, first);
    return;
  }
  const stream = exchange.stream(200, zipped ? { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' } : headers);
  if (stream === undefined) return;
  const plain = async (chunk: Buffer): Promise<void> => {
    if (!stream.write(chunk)) await stream.drained();
  };
  try {
    const gzip = zipped ? createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK }) : undefined;
    const pump = gzip === undefined ? undefined : drain(gzip, plain);
    const write = gzip === undefined ? plain : (chunk: Buffer): Promise<void> => squeeze(gzip, chunk);
    await write(first);
    if (second.done !== true) await write(second.value);
    for (const chunk of chunks) await write(chunk);
    if (gzip !== undefined) {
      gzip.end();
      await pump;
    }
    stream.end();
  } catch (error) {
    if (error instanceof ClientGoneError) return;
    stream.abort(); // half a list must not look like a whole one
    throw error;
  }
}

/** Resolves when there is room for more; breaking off the answer destroys it, and then there is. */
async function squeeze(gzip: Gzip, chunk: Buffer): Promise<void> {
  if (gzip.write(chunk) || gzip.destroyed) return;
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race([once(gzip, 'drain', { signal }), once(gzip, 'close', { signal })]).finally(() => settled.abort());
}

async function drain(gzip: Gzip, write: (chunk: Buffer) => Promise<void>): Promise<void> {
  for await (const chunk of gzip) await write(chunk as Buffer);
}

/** Source: responseContentEncodingSupported: only GET is compressed. */
function acceptsGzip(exchange: Exchange): boolean {
  if (exchange.method !== 'GET') return false;
  const encodings = exchange.header('accept-encoding') ?? '';
  return encodings.split(',').some((one) => one.trim().split(';')[0] === 'gzip');
}
