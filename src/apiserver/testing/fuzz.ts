// Requests that no sane client would send, and many that are almost right: the same seed gives the same ones.
import { gzipSync } from 'node:zlib';
import { encodeProtobuf } from '#api/protobuf/envelope.ts';
import { hasMessage } from '#api/protobuf/codec.ts';
import type { ResourceInfo, Schema } from '#api/schema.ts';
import { Generator } from '#api/testing/generate.ts';
import { toYaml } from '#apimachinery/yaml.ts';
import type { Ids } from '#base/ids.ts';
import { Definitions } from './fuzz-definitions.ts';
import { damagedEnvelope } from './fuzz-protobuf.ts';
import { SAMPLES } from './fuzz-samples.ts';
import { SUBRESOURCE_SAMPLES } from './fuzz-subresources.ts';
import * as bodies from './fuzz-bodies.ts';
import * as words from './fuzz-words.ts';

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  /** With `upgrade`, the connection is to become another. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  /** The client breaks off: where it had said how much there would be, or in the middle of a chunk. Default: it sends all. */
  readonly broken?: 'length' | 'chunk';
}

/** One that means something, before it is damaged. */
interface Meant {
  readonly method: string;
  readonly path: string;
  readonly object?: Readonly<Record<string, unknown>> | undefined;
  readonly upgrade?: boolean;
}

const NAMED = ['a', 'b', 'web'];

export class Fuzzer {
  readonly #ids: Ids;
  readonly #generator: Generator;
  readonly #resources: readonly ResourceInfo[];
  readonly #definitions: Definitions;

  constructor(ids: Ids, schema: Schema) {
    this.#ids = ids;
    this.#generator = new Generator(ids);
    this.#resources = [...schema.resources()];
    this.#definitions = new Definitions(ids);
  }

  next(): FuzzRequest {
    const request = this.#whole();
    if (this.#chance(0.01)) return this.#long(request);
    if (request.body !== undefined && request.body.length > 1 && this.#chance(0.03))
      return { ...request, broken: this.#pick(['length', 'chunk'] as const) };
    return request;
  }

  #whole(): FuzzRequest {
    if (this.#chance(0.1)) return this.#request(this.#pick(words.METHODS), this.#pick(words.OTHER_PATHS), this.#pick(this.#resources));
    if (this.#chance(0.08)) return this.#custom();
    if (this.#chance(0.45)) return this.#written(this.#chance(0.3) ? this.#subresource() : this.#almostRight());
    const info = this.#pick(this.#resources);
    return this.#request(this.#pick(words.METHODS), this.#path(info), info);
  }

  /** What a client could mean: samples of kinds, written, read, patched and deleted under a few names. */
  #almostRight(): Meant {
    const sample = this.#pick(SAMPLES);
    const name = this.#pick(NAMED);
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
    const path = single ? `${sample.path}/${name}${this.#chance(0.2) ? `/${this.#pick(words.SUBRESOURCES)}` : ''}` : sample.path;
    return { method, path, object: { ...sample.object, metadata: { ...sample.object.metadata, name } } };
  }

  #subresource(): Meant {
    const sample = this.#pick(SUBRESOURCE_SAMPLES);
    const name = this.#pick(NAMED);
    return {
      method: this.#pick(sample.methods),
      path: sample.path(name),
      object: sample.object?.(name),
      upgrade: sample.object === undefined,
    };
  }

  /** A definition, or an object of one. */
  #custom(): FuzzRequest {
    if (this.#chance(0.15)) {
      const { method, path, type, body } = this.#definitions.definition();
      const damaged = body === undefined ? undefined : Buffer.from(JSON.stringify(this.#damaged(body, 0.1)));
      return { method, path, headers: { ...this.#headers(0.1), 'content-type': type }, body: damaged };
    }
    const name = this.#pick(NAMED);
    const { collection, object } = this.#definitions.object(name);
    const method = this.#pick(['POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'GET']);
    const isSingle = method !== 'POST' && this.#chance(0.9);
    return this.#written({ method, path: isSingle ? `${collection}/${name}${this.#chance(0.2) ? '/status' : ''}` : collection, object });
  }

  #written({ method, path, object, upgrade = false }: Meant): FuzzRequest {
    const query = path.includes('?') ? '' : this.#query(0.2);
    const headers = { ...this.#headers(0.1), ...(upgrade && this.#chance(0.7) ? this.#pick(words.UPGRADES) : {}) };
    if (method === 'PATCH') {
      const type = this.#pick(bodies.PATCHES);
      const manager = type.includes('apply') && this.#chance(0.9) ? `${query === '' ? '?' : `${query}&`}fieldManager=fuzz` : query;
      return { method, path: path + manager, headers: { ...headers, 'content-type': type }, body: this.#patch(type, object ?? {}) };
    }
    if (object === undefined || method === 'GET' || method === 'DELETE') return { method, path: path + query, headers, body: undefined };
    const value = this.#damaged(object, 0.3);
    const [type, body] = this.#chance(0.1)
      ? ['application/yaml', toYaml(value)]
      : ['application/json', this.#chance(0.02) ? this.#pick(bodies.ODD_BODIES) : JSON.stringify(value)];
    return { method, path: path + query, headers: { ...headers, 'content-type': type }, body: Buffer.from(body) };
  }

  #patch(type: string, object: Readonly<Record<string, unknown>>): Buffer {
    if (type.includes('json-patch')) return Buffer.from(JSON.stringify(this.#jsonPatch(pointersOf(object))));
    if (type.includes('apply')) {
      const { kind, apiVersion } = object;
      const value = { kind, apiVersion, ...(this.#damaged(object, 0.3) as object) };
      return Buffer.from(this.#chance(0.5) ? toYaml(value) : JSON.stringify(value));
    }
    if (type.includes('strategic') && this.#chance(0.6))
      return Buffer.from(JSON.stringify(this.#damaged(this.#pick(bodies.STRATEGIC), 0.2)));
    const part = this.#pick([{ spec: object['spec'] }, { metadata: { labels: { a: 'b' } } }, object]);
    return Buffer.from(JSON.stringify(this.#damaged(part, 0.8)));
  }

  /** With a path or a header that is too long, or almost. */
  #long(request: FuzzRequest): FuzzRequest {
    const long = this.#pick(['a', '/', '%41', 'é']).repeat(this.#pick(words.LENGTHS)).slice(0, this.#pick(words.LENGTHS));
    const { path, headers } = request;
    if (this.#chance(0.3)) return { ...request, path: `${path}${path.includes('?') ? '&' : '?'}labelSelector=${encodeURI(long)}` };
    if (this.#chance(0.4)) return { ...request, path: `/api/v1/${encodeURI(long)}` };
    const name = this.#pick(['user-agent', 'x-a', 'authorization', 'accept', 'impersonate-user', 'cookie']);
    return { ...request, headers: { ...headers, [name]: long.replaceAll('é', 'e') } };
  }

  #request(method: string, path: string, info: ResourceInfo): FuzzRequest {
    const isPatch = method === 'PATCH' && this.#chance(0.9);
    const type = isPatch ? this.#pick(bodies.PATCHES) : this.#pick(bodies.TYPES);
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
    const inNamespace = info.namespaced !== this.#chance(0.1) ? `/namespaces/${encodeURI(this.#pick(words.NAMESPACES))}` : '';
    const named = this.#chance(0.6) ? `/${encodeURI(this.#pick(words.NAMES)).replaceAll('%25', '%')}` : '';
    const sub = named !== '' && this.#chance(0.4) ? `/${this.#pick(words.SUBRESOURCES)}` : '';
    return `${root}${inNamespace}/${info.resource}${named}${sub}`;
  }

  #query(likely: number): string {
    if (!this.#chance(likely)) return '';
    const keys = Object.keys(words.QUERY);
    const pairs = Array.from({ length: 1 + Math.floor(this.#ids.fraction() * 4) }, () => {
      const key = this.#pick(keys);
      const value = this.#pick(words.QUERY[key] ?? []);
      return `${key}=${this.#chance(0.9) ? encodeURIComponent(value) : encodeURI(value).replaceAll('#', '')}`;
    });
    return `?${pairs.join(this.#pick(['&', '&', '&', ';']))}`;
  }

  #headers(likely: number): Record<string, string> {
    const headers: Record<string, string> = {};
    if (this.#chance(0.6)) headers['accept'] = this.#pick(words.ACCEPTS);
    if (this.#chance(likely)) {
      const name = this.#pick(Object.keys(words.HEADERS));
      headers[name] = this.#pick(words.HEADERS[name] ?? []);
    }
    if (this.#chance(likely / 10)) Object.assign(headers, this.#pick(words.IMPERSONATIONS));
    if (this.#chance(likely / 20)) Object.assign(headers, this.#pick(words.UPGRADES));
    return headers;
  }

  #body(info: ResourceInfo, type: string): Buffer {
    if (this.#chance(0.15)) return Buffer.from(this.#pick(bodies.ODD_BODIES));
    if (type.includes('json-patch'))
      return Buffer.from(JSON.stringify(this.#chance(0.8) ? this.#jsonPatch() : this.#pick(bodies.ODD_VALUES)));
    const generated = this.#generator.object(info, info.schema);
    const object = {
      ...generated,
      metadata: { ...generated.metadata, name: this.#pick(['a', 'b', 'Grüße']), namespace: this.#pick(['default', 'x']) },
    };
    if (type.includes('protobuf') && hasMessage(info.schema)) return this.#damagedMessage(encodeProtobuf(object, info.schema));
    const value = this.#damaged(this.#chance(0.1) ? { ...object, kind: 'DeleteOptions', apiVersion: 'v1' } : object, 0.5);
    if (type.includes('yaml') && this.#chance(0.5)) return Buffer.from(toYaml(value));
    return this.#flipped(Buffer.from(JSON.stringify(value, undefined, this.#chance(0.1) ? 2 : undefined)));
  }

  #damagedMessage(bytes: Buffer): Buffer {
    return this.#chance(0.6) ? damagedEnvelope(bytes, this.#ids) : this.#flipped(bytes);
  }

  /** @param own pointers that lead somewhere */
  #jsonPatch(own: readonly string[] = bodies.POINTERS): unknown {
    const pointer = (): string => {
      const base = this.#pick(this.#chance(0.7) ? own : bodies.POINTERS);
      return this.#chance(0.8) ? base : `${base}/${this.#pick(['-', '0', '99', 'x/y', '~0~1', ''])}`;
    };
    return Array.from({ length: Math.floor(this.#ids.fraction() * 4) }, () => ({
      op: this.#pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'x']),
      path: pointer(),
      from: pointer(),
      ...(this.#chance(0.9) ? { value: this.#pick(bodies.ODD_VALUES) } : {}),
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
    if (parts.length === 0 || this.#chance(0.2)) return this.#pick(bodies.ODD_VALUES);
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

/** JSON pointers of all parts of a value. */
function pointersOf(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  const parts = Object.entries(value).flatMap(([name, part]) =>
    pointersOf(part, `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
  return [at, ...parts];
}

/** For the message of a failure. */
export function describeRequest({ method, path, headers, body, broken }: FuzzRequest): string {
  const text = body === undefined ? '' : Buffer.from(body).toString('latin1').slice(0, 2000);
  return `${broken === undefined ? '' : `broken in its ${broken}: `}${method} ${path.slice(0, 400)} ${JSON.stringify(headers).slice(0, 600)}\n${text}`;
}
