// /openapi/v3 and below: an index of documents with their hashes, and the documents; /openapi/v2: one document for all.
// Source: kube-openapi pkg/handler3, pkg/handler.
import type { Schema } from '#api/schema.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { Answer } from '../handlers/answer.ts';
import { parseAccept } from '#apimachinery/media-type.ts';
import type { Route, RouteCall } from '../routes/contract.ts';
import { pageNotFound } from '../routes/text.ts';
import { NO_REMOTE_DOCUMENTS, type RemoteDocuments } from './remote-documents.ts';
import type { StoredDocument } from './document-pieces.ts';
import { storedDocument, StoredDocuments, type Form } from './stored-documents.ts';

const ROOT = '/openapi/v3';
/** A document under its hash never changes. */
const IMMUTABLE_MS = 365 * 24 * 3_600_000;

/** @param schema read at every request, as is `remote`: resources of CRDs and other servers come and go */
export function openapiRoutes(schema: Schema, remote: RemoteDocuments = NO_REMOTE_DOCUMENTS): readonly Route[] {
  const documents = new StoredDocuments(schema, remote);
  return [
    {
      path: ROOT,
      match: 'prefix',
      listed: true,
      handle: (call) => {
        const path = call.request.info.path.slice(ROOT.length).replace(/^\/|\/$/g, '');
        return path === '' ? index(documents, remote, call) : one(documents, path, call);
      },
    },
    {
      path: '/openapi/v2',
      match: 'exact',
      listed: true,
      handle: async (call) => {
        const [form, type] = formOf(call, 'v2');
        return tagged(await documents.swagger(form), call, { vary: 'Accept', 'content-type': type });
      },
    },
  ];
}

/** In JSON whatever is asked for. Requests for documents of other servers are passed on before they get here. */
async function index(documents: StoredDocuments, remote: RemoteDocuments, call: RouteCall): Promise<Answer> {
  const local: (readonly [path: string, location: string])[] = [];
  for await (const [path, { hash }] of documents.all()) local.push([path, locationOf(path, hash)]);
  const paths = Object.fromEntries([...local, ...remote.locations()].map(([path, serverRelativeURL]) => [path, { serverRelativeURL }]));
  return tagged(storedDocument({ paths }), call, { 'content-type': 'application/json' });
}

/** @param path `api/v1`, `apis/apps/v1` */
async function one(documents: StoredDocuments, path: string, call: RouteCall): Promise<Answer> {
  const { request } = call;
  const [form, type] = formOf(call, 'v3');
  const document = await (form === 'json' ? documents.get(path) : documents.protobuf(path));
  if (document === undefined) return pageNotFound();
  const { hash } = document;
  const asked = request.query.get('hash');
  if (asked !== undefined && asked !== '' && asked.toUpperCase() !== hash) {
    return { kind: 'bytes', code: 301, headers: { location: locationOf(path, hash) }, body: new Uint8Array() };
  }
  const caching =
    asked === undefined || asked === ''
      ? {}
      : { 'cache-control': 'public, immutable', expires: new Date(request.receivedAt + IMMUTABLE_MS).toUTCString() };
  return tagged(document, call, { vary: 'Accept', 'content-type': type, ...caching });
}

/** The document, or 304 for a client that has it. */
function tagged({ hash, body }: StoredDocument, { header }: RouteCall, more: Readonly<Record<string, string>>): Answer {
  const headers = { etag: `"${hash}"`, ...more };
  if (header('if-none-match') === headers.etag) return { kind: 'bytes', code: 304, headers, body: new Uint8Array() };
  return { kind: 'bytes', code: 200, headers, body };
}

const locationOf = (path: string, hash: string): string => `${ROOT}/${path}?hash=${hash}`;

/**
 * Protobuf has two names in each version: clients ask for the second, the answer has the first.
 * Source: kube-openapi pkg/handler, pkg/handler3.
 */
const PROTOBUF = {
  v2: ['com.github.proto-openapi.spec.v2.v1.0+protobuf', 'com.github.proto-openapi.spec.v2@v1.0+protobuf'],
  v3: ['com.github.proto-openapi.spec.v3.v1.0+protobuf', 'com.github.proto-openapi.spec.v3@v1.0+protobuf'],
} as const;

/** The form an answer takes, and its media type. @throws StatusError NotAcceptable */
function formOf({ header }: RouteCall, version: keyof typeof PROTOBUF): readonly [Form, string] {
  const names: readonly string[] = PROTOBUF[version];
  const protobuf = `application/${PROTOBUF[version][0]}`;
  const accept = header('accept') ?? '';
  for (const { type, subtype } of parseAccept(accept === '' ? '*/*' : accept)) {
    if (type !== '*' && type !== 'application') continue;
    if (subtype === '*' || subtype === 'json') return ['json', 'application/json'];
    if (names.includes(subtype)) return ['protobuf', protobuf];
  }
  throw new StatusError('NotAcceptable', `only the following media types are accepted: application/json, ${protobuf}`);
}
