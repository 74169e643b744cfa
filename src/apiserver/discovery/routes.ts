// The discovery paths: /api, /apis and below. Documents are made once for each generation of the schema.
import { createHash } from 'node:crypto';
import type { GroupInfo, Schema } from '#api/schema.ts';
import type { Answer } from '../handlers/answer.ts';
import { parseAccept } from '../negotiation/media-type.ts';
import { negotiateOutput, wantsPretty, type OutputAbilities } from '../negotiation/output.ts';
import type { Route, RouteCall } from '../routes/contract.ts';
import { pageNotFound } from '../routes/text.ts';
import { groupDiscovery } from './aggregated.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './legacy.ts';
import { NO_REMOTE_GROUPS, type RemoteGroups } from './remote-groups.ts';

const ABILITIES: OutputAbilities = { encodings: ['json', 'yaml', 'protobuf'], transforms: false, stream: false };
const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export interface DiscoveryOptions {
  readonly schema: Schema;
  /** `host:port` that clients are told of at `/api`. */
  readonly serverAddress: () => string;
  /** Groups of other servers. */
  readonly remote?: RemoteGroups;
}

export function discoveryRoutes({ schema, serverAddress, remote = NO_REMOTE_GROUPS }: DiscoveryOptions): readonly Route[] {
  const documents = new Documents(schema, remote);
  const groups = (): readonly GroupInfo[] => remote.merge(schema.groups());
  return [
    {
      path: '/api',
      match: 'prefix',
      listed: true,
      getOnly: true,
      handle: (call) => {
        const [version, ...more] = below('/api', call);
        if (more.length > 0) return pageNotFound();
        if (version === undefined) {
          if (wantsAggregated(call)) return documents.aggregated('core', call);
          return documents.plain(call, `/api ${serverAddress()}`, () => apiVersions(schema, serverAddress()));
        }
        return documents.plain(call, `/api/${version}`, () => apiResourceList(schema, '', version));
      },
    },
    {
      path: '/apis',
      match: 'prefix',
      listed: true,
      handle: (call) => {
        const [group, version, ...more] = below('/apis', call);
        if (more.length > 0) return pageNotFound();
        if (group === undefined) {
          return wantsAggregated(call) ? documents.aggregated('named', call) : documents.plain(call, '/apis', () => apiGroupList(groups()));
        }
        if (version === undefined) return documents.plain(call, `/apis/${group}`, () => groupDocument(groups(), group));
        return documents.plain(call, `/apis/${group}/${version}`, () => apiResourceList(schema, group, version));
      },
    },
  ];
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

/** Source: IsAggregatedDiscoveryGVK. The first clause that can be answered decides. */
function wantsAggregated({ header }: RouteCall): boolean {
  for (const { type, subtype, params } of parseAccept(header('accept') ?? '')) {
    if (type !== '*' && type !== 'application') continue;
    if (subtype !== '*' && subtype !== 'json') continue;
    if (params['g'] === 'apidiscovery.k8s.io' && params['v'] === 'v2' && params['as'] === 'APIGroupDiscoveryList') return true;
    if (params['as'] === undefined) return false;
  }
  return false;
}

interface Document {
  readonly object: object;
  readonly body: Buffer;
  readonly etag: string;
}

class Documents {
  readonly #schema: Schema;
  readonly #remote: RemoteGroups;
  #generation = '';
  #made = new Map<string, Document | undefined>();

  constructor(schema: Schema, remote: RemoteGroups) {
    this.#schema = schema;
    this.#remote = remote;
  }

  /** As an API object where the client wants anything but plain JSON. @throws StatusError NotAcceptable */
  plain({ request, header }: RouteCall, path: string, make: () => object | undefined): Answer {
    const document = this.#get(path, make);
    if (document === undefined) return pageNotFound();
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

  /** With an ETag, so that a client with the same document gets 304. Source: ServeHTTPWithETag. */
  aggregated(part: 'core' | 'named', { header }: RouteCall): Answer {
    const { body, etag } = this.#get(`aggregated ${part}`, () => groupDiscovery(this.#schema, part, this.#remote)) as Document;
    const headers = { etag, vary: 'Accept', 'cache-control': 'public' };
    if (header('if-none-match') === etag) return { kind: 'bytes', code: 304, headers, body: new Uint8Array() };
    return { kind: 'bytes', code: 200, headers: { ...headers, 'content-type': AGGREGATED_TYPE }, body };
  }

  #get(key: string, make: () => object | undefined): Document | undefined {
    const generation = `${this.#schema.generation}/${this.#remote.generation}`;
    if (this.#generation !== generation) {
      this.#generation = generation;
      this.#made = new Map();
    }
    if (!this.#made.has(key)) this.#made.set(key, encode(make()));
    return this.#made.get(key);
  }
}

function encode(value: object | undefined): Document | undefined {
  if (value === undefined) return undefined;
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  return { object: value, body, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` };
}
