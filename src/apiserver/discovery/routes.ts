// The discovery paths: /api, /apis and below. Documents are made once for each generation of the schema.
import type { GroupInfo, Schema } from '#api/schema.ts';
import { resourceNotServed } from '#apimachinery/errors.ts';
import { toYaml } from '#apimachinery/yaml.ts';
import { contentHash } from '../content-hash.ts';
import type { Answer } from '../handlers/answer.ts';
import { parseAccept } from '#apimachinery/media-type.ts';
import { CONTENT_TYPES, negotiateOutput, wantsPretty, type Encoding, type OutputAbilities } from '../negotiation/output.ts';
import type { ProtobufCodec } from '../negotiation/protobuf.ts';
import type { Route, RouteCall } from '../routes/contract.ts';
import { pageNotFound } from '../routes/text.ts';
import { groupDiscovery } from './aggregated.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './legacy.ts';
import { NO_REMOTE_GROUPS, type RemoteGroups } from './remote-groups.ts';

const ABILITIES: OutputAbilities = { encodings: ['json', 'yaml', 'protobuf'], transforms: false, stream: false };
const AGGREGATED = ';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export interface DiscoveryOptions {
  readonly schema: Schema;
  /** `host:port` that clients are told of at `/api`. */
  readonly serverAddress: () => string;
  readonly protobuf: ProtobufCodec;
  /** Groups of other servers. */
  readonly remote?: RemoteGroups;
}

export function discoveryRoutes({ schema, serverAddress, protobuf, remote = NO_REMOTE_GROUPS }: DiscoveryOptions): readonly Route[] {
  const documents = new Documents(schema, remote, protobuf);
  const groups = (): readonly GroupInfo[] => remote.merge(schema.groups());
  const builtIn = new Set([...schema.resources()].filter(({ origin }) => origin === 'builtin').map(({ group }) => group));
  const isBuiltInVersion = (path: string): boolean => {
    const [, group = '', version, ...more] = path.split('/').filter((part) => part !== '');
    return version !== undefined && more.length === 0 && builtIn.has(group);
  };
  return [
    {
      path: '/api',
      match: 'prefix',
      listed: true,
      getOnly: true,
      handle: (call) => {
        const [version, ...more] = below('/api', call);
        if (more.length > 0) return notServed();
        if (version === undefined) {
          const encoding = aggregatedEncoding(call);
          if (encoding !== undefined) return documents.aggregated('core', encoding, call);
          return documents.plain(call, `/api ${serverAddress()}`, () => apiVersions(schema, serverAddress())) ?? notServed();
        }
        return documents.plain(call, `/api/${version}`, () => apiResourceList(schema, '', version)) ?? notServed();
      },
    },
    {
      path: '/apis',
      match: 'prefix',
      listed: true,
      // Versions are routes of their server; the aggregator's handlers of all groups and of one do not ask for the method.
      getOnly: (path) => isBuiltInVersion(path),
      anyMethod: (path) => path.split('/').filter((part) => part !== '').length <= 2,
      handle: (call) => {
        const [group, version, ...more] = below('/apis', call);
        if (more.length > 0) return pageNotFound();
        if (group === undefined) {
          const encoding = aggregatedEncoding(call);
          if (encoding !== undefined) return documents.aggregated('named', encoding, call);
          return documents.plain(call, '/apis', () => apiGroupList(groups())) ?? pageNotFound();
        }
        if (version === undefined) return documents.plain(call, `/apis/${group}`, () => groupDocument(groups(), group)) ?? pageNotFound();
        const document = documents.plain(call, `/apis/${group}/${version}`, () => apiResourceList(schema, group, version));
        return document ?? (builtIn.has(group) ? notServed() : pageNotFound());
      },
    },
  ];
}

/** Below a path that is a route. @throws StatusError NotFound */
function notServed(): never {
  throw resourceNotServed();
}

/** Path segments after `root`. */
const below = (root: string, { request }: RouteCall): readonly string[] =>
  request.info.path
    .slice(root.length)
    .split('/')
    .filter((part) => part !== '');

function groupDocument(groups: readonly GroupInfo[], name: string): object | undefined {
  const group = groups.find((one) => one.name === name);
  return group === undefined || name === '' ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group) };
}

/**
 * The encoding of one document with all there is; undefined for a client that does not ask for it. The first clause that can
 * be answered decides. Source: IsAggregatedDiscoveryGVK.
 */
function aggregatedEncoding({ header }: RouteCall): Encoding | undefined {
  for (const { type, subtype, params } of parseAccept(header('accept') ?? '')) {
    const encoding = ABILITIES.encodings.find((one) => isAccepted(CONTENT_TYPES[one], type, subtype));
    if (encoding === undefined) continue;
    if (params['g'] === 'apidiscovery.k8s.io' && params['v'] === 'v2' && params['as'] === 'APIGroupDiscoveryList') return encoding;
    if (params['as'] === undefined) return undefined;
  }
  return undefined;
}

const isAccepted = (contentType: string, type: string, subtype: string): boolean =>
  (type === '*' || type === 'application') && (subtype === '*' || contentType === `application/${subtype}`);

interface Document {
  readonly object: object;
  readonly body: Buffer;
  readonly etag: string;
}

class Documents {
  readonly #schema: Schema;
  readonly #remote: RemoteGroups;
  readonly #protobuf: ProtobufCodec;
  #generation = '';
  readonly #made = new Map<string, Document>();

  constructor(schema: Schema, remote: RemoteGroups, protobuf: ProtobufCodec) {
    this.#schema = schema;
    this.#remote = remote;
    this.#protobuf = protobuf;
  }

  /** As an API object where the client wants anything but plain JSON; undefined for what there is not. @throws StatusError NotAcceptable */
  plain({ request, header }: RouteCall, path: string, make: () => object | undefined): Answer | undefined {
    const document = this.#get(path, make);
    if (document === undefined) return undefined;
    const form = negotiateOutput(header('accept'), ABILITIES);
    if (form.encoding !== 'json' || wantsPretty(form, request.query.get('pretty'), request.userAgent)) {
      return {
        kind: 'object',
        code: 200,
        object: form.encoding === 'protobuf' ? { apiVersion: 'v1', ...document.object } : document.object,
      };
    }
    return { kind: 'bytes', code: 200, headers: { 'content-type': 'application/json' }, body: document.body };
  }

  /** With an ETag, so that a client with the same document gets 304: one tag for all encodings. Source: ServeHTTPWithETag. */
  aggregated(part: 'core' | 'named', encoding: Encoding, { header }: RouteCall): Answer {
    const { object, body, etag } = this.#get(`aggregated ${part}`, () => groupDiscovery(this.#schema, part, this.#remote)) as Document;
    const headers = { etag, vary: 'Accept', 'cache-control': 'public' };
    if (header('if-none-match') === etag) return { kind: 'bytes', code: 304, headers, body: new Uint8Array() };
    const contentType = `${CONTENT_TYPES[encoding]}${AGGREGATED}`;
    const bytes =
      encoding === 'json' ? body : encoding === 'yaml' ? Buffer.from(toYaml(object)) : Buffer.from(this.#protobuf.encode(object));
    return { kind: 'bytes', code: 200, headers: { ...headers, 'content-type': contentType }, body: bytes };
  }

  /** What there is not is not remembered: of its names there is no end. */
  #get(key: string, make: () => object | undefined): Document | undefined {
    const generation = `${this.#schema.generation}/${this.#remote.generation}`;
    if (this.#generation !== generation) {
      this.#generation = generation;
      this.#made.clear();
    }
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const value = make();
    if (value === undefined) return undefined;
    const made = encode(value);
    this.#made.set(key, made);
    return made;
  }
}

function encode(value: object): Document {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  return { object: value, body, etag: `"${contentHash([body])}"` };
}
