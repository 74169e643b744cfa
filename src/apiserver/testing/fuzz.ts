// Requests that no sane client would send, and many that are almost right: the same seed gives the same ones.
import { gzipSync } from 'node:zlib';
import { encodeProtobuf } from '#api/protobuf/envelope.ts';
import { hasMessage } from '#api/protobuf/codec.ts';
import type { ResourceInfo, Schema } from '#api/schema.ts';
import { Generator } from '#api/testing/generate.ts';
import { toYaml } from '#apimachinery/yaml.ts';
import type { Ids } from '#base/ids.ts';
import { SAMPLES } from './fuzz-samples.ts';

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

const METHODS = ['GET', 'GET', 'POST', 'POST', 'PUT', 'PATCH', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'BREW'];
const NAMES = [
  'a',
  'b',
  'web',
  'web-0',
  'A',
  '..',
  '%2e%2e',
  '',
  '-',
  'x'.repeat(300),
  'a%2Fb',
  '%00',
  '%zz',
  'Grüße',
  '__proto__',
  'constructor',
];
const NAMESPACES = ['default', 'default', 'default', 'kube-system', 'missing', '', '%20', 'A'];
const SUBRESOURCES = [
  'status',
  'scale',
  'log',
  'exec',
  'attach',
  'portforward',
  'binding',
  'eviction',
  'ephemeralcontainers',
  'resize',
  'token',
  'approval',
  'finalize',
  'proxy',
  'proxy/a/b',
  'nothing',
  'status/x',
];
const OTHER_PATHS = [
  '/',
  '/api',
  '/apis',
  '/api/v1',
  '/apis/apps',
  '/apis/apps/v1',
  '/apis/apps/v9',
  '/version',
  '/livez',
  '/readyz/ping',
  '/readyz?verbose&exclude=x',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/apis/apps/v1',
  '/openid/v1/jwks',
  '/.well-known/openid-configuration',
  '/debug/pprof',
  '//api//v1',
  '/api/v1/',
  '/api/v1/namespaces/default/pods/',
  '/api/v1/watch/pods',
  '/api/v1/watch/namespaces/default/pods/a',
  '/%',
  '/%ff%fe',
  '/a/../api/v1/pods',
  '*',
];
const QUERY: Readonly<Record<string, readonly string[]>> = {
  limit: ['0', '1', '-1', '5', 'x', '99999999999999999999', '1e3', ''],
  continue: [
    'x',
    '',
    'e30',
    'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYSJ9',
    'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi8uLi8ifQ',
  ],
  resourceVersion: ['0', '1', '-1', 'x', '', '99999999', '18446744073709551616', '1.5'],
  resourceVersionMatch: ['Exact', 'NotOlderThan', 'exact', ''],
  labelSelector: ['a=b', 'a in (b,c)', '!a', 'a in (', 'a==b==c', ',', '='.repeat(50), 'a notin (b),c', 'Grüße=1'],
  fieldSelector: [
    'metadata.name=a',
    'spec.nodeName=',
    'status.phase!=Running',
    'x=y',
    'metadata.name',
    '=',
    String.raw`metadata.name=a\,b`,
    String.raw`a\=`,
  ],
  watch: ['true', '1', 'x', 'false'],
  allowWatchBookmarks: ['true', 'x'],
  sendInitialEvents: ['true', 'false', 'x'],
  timeoutSeconds: ['0', '1', '-1', 'x', '4294967296'],
  timeout: ['1s', '-1s', 'x', '0', '1h'],
  dryRun: ['All', 'all', '', 'All,All'],
  fieldManager: ['me', '', 'x'.repeat(200), '\u0000'],
  fieldValidation: ['Strict', 'Warn', 'Ignore', 'strict', ''],
  force: ['true', 'false', 'x'],
  pretty: ['1', 'true', 'x'],
  propagationPolicy: ['Orphan', 'Foreground', 'Background', 'x'],
  gracePeriodSeconds: ['0', '-1', 'x', '30', '99999999999999999999'],
  orphanDependents: ['true', 'x'],
  container: ['a', '', '../x'],
  command: ['sh', ''],
  tailLines: ['-1', 'x', '5'],
  sinceTime: ['x', '2026-01-01T00:00:00Z'],
  __proto__: ['1'],
};
const ACCEPTS = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  '*/*',
  'text/html',
  '',
  ',',
  'application/json;q=x',
  ';;;',
  'application/cbor',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/json;as=Nothing;v=v1;g=meta.k8s.io',
  'application/json;stream=watch',
  'application/vnd.kubernetes.protobuf;stream=watch',
  'application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io',
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
];
const HEADERS: Readonly<Record<string, readonly string[]>> = {
  'impersonate-user': ['jane', '', 'system:serviceaccount:default:default', 'system:serviceaccount::', 'system:node:a'],
  'impersonate-group': ['system:masters', '', 'dev'],
  'impersonate-uid': ['1', ''],
  'impersonate-extra-%zz': ['x'],
  'impersonate-extra-scopes': ['a'],
  authorization: ['Bearer x', 'Bearer ', 'Basic eDp5', 'x', 'Bearer eyJhbGciOiJub25lIn0.e30.', 'Bearer abcdef.0123456789abcdef'],
  'accept-encoding': ['gzip', 'br', 'gzip;q=0', 'identity', 'x;q=y'],
  'if-none-match': ['"x"', '*', 'W/"1"'],
  'x-remote-user': ['root'],
  'user-agent': ['', 'x'.repeat(1000), 'kubectl/v1.36.0'],
  traceparent: ['00-x', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
  'audit-id': ['x', 'y'.repeat(500)],
  'kubectl-command': ['x'],
};
const PATCHES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/apply-patch+cbor',
];
const TYPES = [
  'application/json',
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'text/plain',
  '',
  'application/json; charset=x',
  'application/x-www-form-urlencoded',
  ';',
];
const POINTERS = [
  '',
  '/',
  '/metadata/labels/a',
  '/metadata',
  '/spec',
  '/spec/containers/0',
  '/spec/containers/-',
  '/data/a',
  '/x/y/z',
  '/metadata/finalizers/0',
  '/~2',
  '/spec/containers/99999999999',
  '/metadata/resourceVersion',
  '/__proto__/x',
];
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  '',
  'x',
  [],
  [null],
  {},
  { a: null },
  '25%',
  'x'.repeat(5000),
  Number.MAX_SAFE_INTEGER,
  { $patch: 'delete' },
  { $patch: 'x' },
  [{ $patch: 'replace' }],
  { $retainKeys: ['a'] },
  { '$setElementOrder/containers': [{ name: 'a' }] },
  { '$deleteFromPrimitiveList/finalizers': ['a'] },
  ['a', 'a'],
];
const ODD_BODIES = [
  '',
  '{',
  '[]',
  'null',
  '"x"',
  '{"kind":',
  '{"kind":1}',
  '{"kind":"Pod","apiVersion":7}',
  '{"a":1,"a":2}',
  '\u0000',
  '{"metadata":{"name":"a"}}}',
  '--- \n---\n',
  'a: &a [*a]',
  '*x',
  '!!js/function x',
  '? [a]\n: b',
  '{"metadata":"x"}',
  '{"items":[{}]}',
  `${'['.repeat(20_000)}`,
  `{"a":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
  '\ud800',
  'k8s\u0000',
  'k8s\u0000\u000a\u00ff',
];

export class Fuzzer {
  readonly #ids: Ids;
  readonly #generator: Generator;
  readonly #resources: readonly ResourceInfo[];

  constructor(ids: Ids, schema: Schema) {
    this.#ids = ids;
    this.#generator = new Generator(ids);
    this.#resources = [...schema.resources()];
  }

  next(): FuzzRequest {
    if (this.#chance(0.1)) return this.#request(this.#pick(METHODS), this.#pick(OTHER_PATHS), this.#pick(this.#resources));
    if (this.#chance(0.4)) return this.#almostRight();
    const info = this.#pick(this.#resources);
    return this.#request(this.#pick(METHODS), this.#path(info), info);
  }

  /** What a client could mean: samples of kinds, written, read, patched and deleted under a few names. */
  #almostRight(): FuzzRequest {
    const sample = this.#pick(SAMPLES);
    const name = this.#pick(['a', 'b', 'web']);
    const [method, single] = this.#pick([
      ['POST', false],
      ['POST', false],
      ['PUT', true],
      ['PATCH', true],
      ['PATCH', true],
      ['DELETE', true],
      ['GET', true],
      ['GET', false],
    ] as const);
    const path = single ? `${sample.path}/${name}${this.#chance(0.2) ? `/${this.#pick(SUBRESOURCES)}` : ''}` : sample.path;
    const { kind, apiVersion, metadata = {} } = sample.object;
    const object = { ...sample.object, metadata: { ...metadata, name } };
    const query = this.#query(0.2);
    if (method === 'PATCH') {
      const type = this.#pick(PATCHES);
      const body = type.includes('apply')
        ? { kind, apiVersion, ...(this.#damaged(object, 0.3) as object) }
        : type.includes('json-patch')
          ? this.#jsonPatch()
          : this.#damaged(this.#pick([{ spec: sample.object['spec'] }, { metadata: { labels: { a: 'b' } } }, object]), 0.8);
      const manager = type.includes('apply') && this.#chance(0.9) ? `${query === '' ? '?' : `${query}&`}fieldManager=fuzz` : query;
      return {
        method,
        path: path + manager,
        headers: { ...this.#headers(0.1), 'content-type': type },
        body: Buffer.from(JSON.stringify(body)),
      };
    }
    const body = method === 'GET' || method === 'DELETE' ? undefined : Buffer.from(JSON.stringify(this.#damaged(object, 0.3)));
    return { method, path: path + query, headers: { ...this.#headers(0.1), 'content-type': 'application/json' }, body };
  }

  #request(method: string, path: string, info: ResourceInfo): FuzzRequest {
    const isPatch = method === 'PATCH' && this.#chance(0.9);
    const type = isPatch ? this.#pick(PATCHES) : this.#pick(TYPES);
    const withBody = !['GET', 'HEAD', 'OPTIONS'].includes(method) || this.#chance(0.05);
    const plain = withBody ? this.#body(info, type) : undefined;
    const zipped = plain !== undefined && this.#chance(0.05);
    const headers = {
      ...this.#headers(0.4),
      ...(withBody ? { 'content-type': type } : {}),
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    };
    return { method, path: path + (path.includes('?') ? '' : this.#query(0.5)), headers, body: zipped ? gzipSync(plain) : plain };
  }

  #path(info: ResourceInfo): string {
    const root = info.group === '' ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`;
    const inNamespace = info.namespaced !== this.#chance(0.1) ? `/namespaces/${encodeURI(this.#pick(NAMESPACES))}` : '';
    const named = this.#chance(0.6) ? `/${encodeURI(this.#pick(NAMES)).replaceAll('%25', '%')}` : '';
    const sub = named !== '' && this.#chance(0.4) ? `/${this.#pick(SUBRESOURCES)}` : '';
    return `${root}${inNamespace}/${info.resource}${named}${sub}`;
  }

  #query(likely: number): string {
    if (!this.#chance(likely)) return '';
    const keys = Object.keys(QUERY);
    const pairs = Array.from({ length: 1 + Math.floor(this.#ids.fraction() * 4) }, () => {
      const key = this.#pick(keys);
      const value = this.#pick(QUERY[key] ?? []);
      return `${key}=${this.#chance(0.9) ? encodeURIComponent(value) : encodeURI(value).replaceAll('#', '')}`;
    });
    return `?${pairs.join(this.#pick(['&', '&', '&', ';']))}`;
  }

  #headers(likely: number): Record<string, string> {
    const headers: Record<string, string> = {};
    if (this.#chance(0.6)) headers['accept'] = this.#pick(ACCEPTS);
    if (this.#chance(likely)) {
      const name = this.#pick(Object.keys(HEADERS));
      headers[name] = this.#pick(HEADERS[name] ?? []);
    }
    return headers;
  }

  #body(info: ResourceInfo, type: string): Buffer {
    if (this.#chance(0.15)) return Buffer.from(this.#pick(ODD_BODIES));
    if (type.includes('json-patch')) return Buffer.from(JSON.stringify(this.#chance(0.8) ? this.#jsonPatch() : this.#pick(ODD_VALUES)));
    const generated = this.#generator.object(info, info.schema);
    const object = {
      ...generated,
      metadata: { ...generated.metadata, name: this.#pick(['a', 'b', 'Grüße']), namespace: this.#pick(['default', 'x']) },
    };
    if (type.includes('protobuf') && hasMessage(info.schema)) return this.#flipped(encodeProtobuf(object, info.schema));
    const value = this.#damaged(this.#chance(0.1) ? { ...object, kind: 'DeleteOptions', apiVersion: 'v1' } : object, 0.5);
    if (type.includes('yaml') && this.#chance(0.5)) return Buffer.from(toYaml(value));
    return this.#flipped(Buffer.from(JSON.stringify(value, undefined, this.#chance(0.1) ? 2 : undefined)));
  }

  #jsonPatch(): unknown {
    return Array.from({ length: Math.floor(this.#ids.fraction() * 4) }, () => ({
      op: this.#pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'x']),
      path: this.#pick(POINTERS),
      from: this.#pick(POINTERS),
      ...(this.#chance(0.9) ? { value: this.#pick(ODD_VALUES) } : {}),
    }));
  }

  /** Some bytes of every fifth body changed. */
  #flipped(bytes: Buffer): Buffer {
    if (this.#chance(0.8) || bytes.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    for (let i = 0; i < 3; i++) copy[Math.floor(this.#ids.fraction() * copy.length)] = Math.floor(this.#ids.fraction() * 256);
    return this.#chance(0.3) ? copy.subarray(0, Math.floor(this.#ids.fraction() * copy.length)) : copy;
  }

  /** With the given likelihood, `value` with one part replaced by something odd. */
  #damaged(value: unknown, likely: number): unknown {
    if (!this.#chance(likely)) return value;
    const parts = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    if (parts.length === 0 || this.#chance(0.2)) return this.#pick(ODD_VALUES);
    const part = this.#pick(parts);
    const inner = this.#damaged((value as Record<string, unknown>)[part], 1);
    return Array.isArray(value) ? value.with(Number(part), inner) : { ...(value as object), [part]: inner };
  }

  #pick<T>(choices: readonly T[]): T {
    return this.#generator.pick(choices);
  }

  #chance(likely: number): boolean {
    return this.#ids.fraction() < likely;
  }
}

/** For the message of a failure. */
export function describeRequest({ method, path, headers, body }: FuzzRequest): string {
  const text = body === undefined ? '' : Buffer.from(body).toString('latin1').slice(0, 2000);
  return `${method} ${path.slice(0, 400)} ${JSON.stringify(headers).slice(0, 600)}\n${text}`;
}
