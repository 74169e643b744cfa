// /openapi/v3 and below: an index of documents with their hashes, and the documents; /openapi/v2: one document for all.
// Source: kube-openapi pkg/handler3, pkg/handler.
import type { Schema } from '#api/schema.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { Answer } from '../handlers/answer.ts';
import { parseAccept } from '../negotiation/media-type.ts';
import type { Route, RouteCall } from '../routes/contract.ts';
import { pageNotFound } from '../routes/text.ts';
import { NO_REMOTE_DOCUMENTS, type RemoteDocuments } from './remote-documents.ts';
import { StoredDocuments, type StoredDocument } from './stored-documents.ts';

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
        assertJson(call);
        const path = call.request.info.path.slice(ROOT.length).replace(/^\/|\/$/g, '');
        return path === '' ? index(documents, remote) : one(documents, path, call);
      },
    },
    {
      path: '/openapi/v2',
      match: 'exact',
      listed: true,
      handle: (call) => {
        const form = swaggerForm(call);
        const type = form === 'json' ? 'application/json' : `application/${PROTOBUF[0]}`;
        return tagged(documents.swagger(form), call, { vary: 'Accept', 'content-type': type });
      },
    },
  ];
}

/** Requests for documents of other servers are passed on before they get here. */
function index(documents: StoredDocuments, remote: RemoteDocuments): Answer {
  const local = [...documents.all()].map(([path, { hash }]) => [path, locationOf(path, hash)] as const);
  const paths = Object.fromEntries([...local, ...remote.locations()].map(([path, serverRelativeURL]) => [path, { serverRelativeURL }]));
  return { kind: 'bytes', code: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ paths })) };
}

/** @param path `api/v1`, `apis/apps/v1` */
function one(documents: StoredDocuments, path: string, { request, header }: RouteCall): Answer {
  const document = documents.get(path);
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
  return tagged(document, { request, header }, { vary: 'Accept', 'content-type': 'application/json', ...caching });
}

/** The document, or 304 for a client that has it. */
function tagged({ hash, body }: StoredDocument, { header }: RouteCall, more: Readonly<Record<string, string>>): Answer {
  const headers = { etag: `"${hash}"`, ...more };
  if (header('if-none-match') === headers.etag) return { kind: 'bytes', code: 304, headers, body: new Uint8Array() };
  return { kind: 'bytes', code: 200, headers, body };
}

const locationOf = (path: string, hash: string): string => `${ROOT}/${path}?hash=${hash}`;

/** Two names of one form: clients ask for the second, the answer has the first. Source: kube-openapi pkg/handler. */
const PROTOBUF = ['com.github.proto-openapi.spec.v2.v1.0+protobuf', 'com.github.proto-openapi.spec.v2@v1.0+protobuf'] as const;

/** @throws StatusError NotAcceptable */
function swaggerForm({ header }: RouteCall): 'json' | 'protobuf' {
  const accept = header('accept') ?? '';
  if (accept === '') return 'json';
  for (const { type, subtype } of parseAccept(accept)) {
    if (type !== '*' && type !== 'application') continue;
    if (subtype === '*' || subtype === 'json') return 'json';
    if ((PROTOBUF as readonly string[]).includes(subtype)) return 'protobuf';
  }
  throw new StatusError('NotAcceptable', `only the following media types are accepted: application/json, application/${PROTOBUF[0]}`);
}

/** The protobuf form of OpenAPI v3 is not offered. @throws StatusError NotAcceptable */
function assertJson({ header }: RouteCall): void {
  const accept = header('accept') ?? '';
  const takes =
    accept === '' ||
    parseAccept(accept).some(({ type, subtype }) => (type === '*' || type === 'application') && (subtype === '*' || subtype === 'json'));
  if (!takes) throw new StatusError('NotAcceptable', 'only the following media types are accepted: application/json');
}
