// What aggregated servers say of their types, fetched when an APIService changes and every minute, with ETags.
// Source: kube-aggregator pkg/controllers/{openapi,openapiv3}.
import { apiservices } from '#api/resources.ts';
import type { APIService } from '#api/gen/apiregistration-v1.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { JsonError, parseJson } from '#apimachinery/json.ts';
import { rateLimiter } from '#client/workqueue/rate-limiter.ts';
import { WorkQueue } from '#client/workqueue/work-queue.ts';
import { runWorkers, type Requeue } from '#client/workqueue/workers.ts';
import type { UserInfo } from '../authentication/contract.ts';
import { reducedSwagger } from '../openapi/merge-swagger.ts';
import type { RemoteDocuments } from '../openapi/remote-documents.ts';
import { SWAGGER_PROTOBUF } from '../openapi/swagger-protobuf.ts';
import type { SwaggerDocument } from '../openapi/swagger.ts';
import { OutboundError } from '../outbound/contract.ts';
import type { RemoteDiscoveryDeps } from './remote-discovery.ts';
import { fetchFrom } from './remote.ts';

const AGGREGATOR: UserInfo = { name: 'system:aggregator', groups: [] };
const REFRESH_MS = 60_000;
/** Source: failedUpdateRetryPeriod; the first retries come sooner. */
const RETRIES = { baseDelayMs: 500, maxDelayMs: REFRESH_MS, overall: undefined };
const TIMEOUT_MS = 10_000;

interface Fetched {
  /** Path and hash of its document of v3; undefined for a server without. */
  readonly location: string | undefined;
  readonly swagger: SwaggerDocument | undefined;
  /** Of the v2 document. */
  readonly etag: string;
}

const NOTHING: Fetched = { location: undefined, swagger: undefined, etag: '' };

export class RemoteOpenApi implements RemoteDocuments {
  readonly #deps: RemoteDiscoveryDeps;
  /** By `apis/GROUP/VERSION`. */
  readonly #fetched = new Map<string, Fetched>();
  #generation = 0;

  constructor(deps: RemoteDiscoveryDeps) {
    this.#deps = deps;
  }

  get generation(): number {
    return this.#generation;
  }

  locations(): ReadonlyMap<string, string> {
    return new Map([...this.#fetched].flatMap(([path, { location }]) => (location === undefined ? [] : [[path, location] as const])));
  }

  swaggers(): readonly SwaggerDocument[] {
    return [...this.#fetched.values()].flatMap(({ swagger }) => (swagger === undefined ? [] : [swagger]));
  }

  /** Runs until the signal aborts. */
  async run(): Promise<void> {
    const { reader, remotes, clock, logger, signal } = this.#deps;
    const queue = new WorkQueue<string>({ clock, rateLimiter: rateLimiter(RETRIES) });
    const remove = reader.onChange(apiservices, ({ object, previous }) => {
      if (object?.spec.service !== undefined || previous?.spec.service !== undefined)
        queue.add((object ?? previous)?.metadata.name as string);
    });
    for (const { metadata } of remotes.all()) queue.add(metadata.name);
    await runWorkers(queue, { workers: 1, reconcile: (name) => this.#reconcile(name), clock, logger, signal });
    remove();
  }

  async #reconcile(name: string): Promise<Requeue | undefined> {
    const { reader, signal } = this.#deps;
    const service = reader.get(apiservices, name);
    const dot = name.indexOf('.');
    const path = `apis/${name.slice(dot + 1)}/${name.slice(0, dot)}`;
    if (service?.spec.service === undefined) {
      if (this.#fetched.delete(path)) this.#generation++;
      return undefined;
    }
    const known = this.#fetched.get(path) ?? NOTHING;
    try {
      const next = { location: await this.#location(service, path), ...(await this.#swagger(service, path, known)) };
      if (next.location !== known.location || next.swagger !== known.swagger) this.#generation++;
      this.#fetched.set(path, next);
      return { afterMs: REFRESH_MS };
    } catch (error) {
      if (signal.aborted) return undefined; // what it said last stays until it says something else
      if (error instanceof OutboundError || error instanceof StatusError || error instanceof JsonError)
        throw new Error(`OpenAPI of ${name}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  async #location(service: APIService, path: string): Promise<string | undefined> {
    const { signal } = this.#deps;
    const root = `/openapi/v3/${path}`;
    const answer = await fetchFrom(
      service,
      { path: '/openapi/v3', user: AGGREGATOR, headers: { accept: 'application/json' }, timeoutMs: TIMEOUT_MS, signal },
      this.#deps,
    );
    if (answer.status !== 200) return undefined;
    const index = parseJson(answer.body.toString('utf8'));
    const entry = isObject(index) && isObject(index['paths']) ? index['paths'][path] : undefined;
    if (!isObject(entry)) return undefined;
    const url = entry['serverRelativeURL'];
    return typeof url === 'string' && (url === root || url.startsWith(`${root}?`)) ? url : root;
  }

  async #swagger(service: APIService, path: string, known: Fetched): Promise<Pick<Fetched, 'swagger' | 'etag'>> {
    const { signal, logger } = this.#deps;
    const headers = { accept: 'application/json', ...(known.etag === '' ? {} : { 'if-none-match': known.etag }) };
    const answer = await fetchFrom(service, { path: '/openapi/v2', user: AGGREGATOR, headers, timeoutMs: TIMEOUT_MS, signal }, this.#deps);
    if (answer.status === 304) return known;
    if (answer.status !== 200) return { swagger: undefined, etag: '' };
    const swagger = reducedSwagger(parseJson(answer.body.toString('utf8')), `/${path}/`);
    const etag = answer.headers.etag ?? '';
    if (swagger === undefined || !encodes(swagger)) {
      logger.warn('the OpenAPI document of an aggregated server cannot be read', { apiService: service.metadata.name });
      return { swagger: undefined, etag };
    }
    return { swagger, etag };
  }
}

/** One that cannot be encoded would spoil the document of all others. */
function encodes(document: SwaggerDocument): boolean {
  try {
    for (const [name, path] of Object.entries(document.paths)) SWAGGER_PROTOBUF.path(name, path);
    for (const [name, schema] of Object.entries(document.definitions)) SWAGGER_PROTOBUF.schema(name, schema);
    return true;
  } catch (error) {
    if (error instanceof Error) return false; // whatever shape it has, it is not the one it should have
    throw error;
  }
}
