// The API for callers in this process: the same chain, admission and validation, without encoding anything. Objects handed
// out are the stored ones.
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { Lru } from '#base/lru.ts';
import type { ApiRequest, Transport, WatchEvent, WatchStream } from '#client/contract.ts';
import { pathWithQuery } from '#client/https/http-request.ts';
import type { UserInfo } from '../authentication/contract.ts';
import { runChain, type ChainDeps, type Outcome } from '../chain.ts';
import type { Answer } from '../handlers/answer.ts';
import { dispatch, type DispatchDeps } from '../handlers/dispatch.ts';
import { queryOf } from '../http/query.ts';
import { listMetadata } from '../http/list-parts.ts';
import type { RequestMetrics } from '../metrics/requests.ts';
import type { RequestInfo } from '../request.ts';
import { authenticated } from '../stages/authentication.ts';
import { requestInfo } from '../stages/request-info.ts';
import { RequestWalk } from '../walk.ts';
import { agentOf } from './agent.ts';
import { LoopbackWatch } from './watch.ts';

export interface LoopbackDeps {
  readonly chain: ChainDeps;
  readonly dispatch: DispatchDeps;
  readonly metrics: RequestMetrics;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

const METHODS: Readonly<Record<ApiRequest['verb'], string>> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};

const REMEMBERED_WARNINGS = 256;

export class LoopbackTransport implements Transport {
  readonly #deps: LoopbackDeps;
  readonly #user: UserInfo;
  readonly #agent: string;
  readonly #closed = new AbortController();
  /** Each warning is logged once. */
  readonly #warned = new Lru<string, true>(REMEMBERED_WARNINGS);

  constructor(user: UserInfo, deps: LoopbackDeps) {
    this.#user = authenticated(user);
    this.#agent = agentOf(user.name);
    this.#deps = deps;
  }

  request(request: ApiRequest): Promise<unknown> {
    const walk = this.#walk(request, infoOf(request));
    if (this.#isElsewhere(walk)) return this.#elsewhere(walk, (transport) => transport.request({ ...request, signal: walk.signal }));
    return this.#run(walk, request, (answer) => unwrap(answer, request.managedFields));
  }

  watch(request: ApiRequest): WatchStream<unknown> {
    const walk = this.#start(infoOf(request), request.query ?? {}, METHODS[request.verb]);
    // The request is over once the watch begins; who asked may end the watch as long as it lasts.
    const unfollow = follow(walk, request.signal, this.#closed.signal);
    if (this.#isElsewhere(walk)) return this.#watchElsewhere(walk, request, unfollow);
    const begin = () =>
      this.#run(walk, request, (answer) => {
        if (answer.kind !== 'watch') throw new StatusError('MethodNotAllowed', `${request.resource.resource} cannot be watched`);
        return answer;
      });
    const { managedFields = true } = request;
    return new LoopbackWatch({ walk, clock: this.#deps.clock, managedFields, begin, closed: unfollow });
  }

  async getPath(path: string, query: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<unknown> {
    const parameters = queryOf(query);
    const walk = this.#start(requestInfo('GET', path, parameters), query, 'GET');
    walk.onFinish(follow(walk, signal, this.#closed.signal));
    if (this.#isElsewhere(walk)) return this.#elsewhere(walk, (transport) => transport.getPath(path, query, walk.signal));
    return this.#run(walk, {}, (answer) => {
      if (answer.kind !== 'bytes') return unwrap(answer);
      const text = Buffer.from(answer.body).toString();
      if (answer.code >= 400)
        throw StatusError.fromStatus({ message: text.trim(), reason: answer.code === 404 ? 'NotFound' : '', code: answer.code });
      const type = String(answer.headers['content-type'] ?? '');
      return type.startsWith('application/json') ? (JSON.parse(text) as unknown) : text;
    });
  }

  async close(): Promise<void> {
    this.#closed.abort(new StatusError('ServiceUnavailable', 'the transport was closed'));
  }

  #walk(request: ApiRequest, info: RequestInfo): RequestWalk {
    const walk = this.#start(info, request.query ?? {}, METHODS[request.verb]);
    walk.onFinish(follow(walk, request.signal, this.#closed.signal));
    return walk;
  }

  #start(info: RequestInfo, query: Readonly<Record<string, string>>, method: string): RequestWalk {
    const { ids, clock, logger } = this.#deps;
    const walk = new RequestWalk({
      id: ids.uuid(),
      uri: pathWithQuery(info.path, query),
      method,
      transport: 'loopback',
      info,
      query: queryOf(query),
      userAgent: this.#agent,
      remoteAddress: '',
      clock,
      logger,
    });
    walk.setUser(this.#user);
    return walk;
  }

  /** Another server answers for this group version. */
  #isElsewhere({ info }: RequestWalk): boolean {
    return this.#deps.dispatch.others.serves(info);
  }

  async #elsewhere<T>(walk: RequestWalk, ask: (transport: Transport) => Promise<T>): Promise<T> {
    return this.#finishing(walk, async () => ({
      value: await ask(this.#deps.dispatch.others.transport(walk.info, this.#user)),
      code: 200,
    }));
  }

  async *#watchElsewhere(walk: RequestWalk, request: ApiRequest, unfollow: () => void): AsyncGenerator<WatchEvent<unknown>, undefined> {
    try {
      const transport = await this.#finishing(walk, async () => ({
        value: this.#deps.dispatch.others.transport(walk.info, this.#user),
        code: 200,
      }));
      yield* transport.watch({ ...request, signal: walk.signal });
      return undefined;
    } finally {
      unfollow();
    }
  }

  async #run<T>(
    walk: RequestWalk,
    { body, contentType }: Pick<ApiRequest, 'body' | 'contentType'>,
    use: (answer: Answer) => T,
  ): Promise<T> {
    return this.#finishing(walk, async () => {
      const given = { kind: 'value', value: body, contentType: contentType ?? 'application/json' } as const;
      const answer = await dispatch(walk, loopbackHeader, given, this.#deps.dispatch);
      walk.auditTrail?.answered(answer);
      if (answer.kind === 'watch') walk.streamBegins();
      return { value: use(answer), code: 'code' in answer ? answer.code : 200 };
    });
  }

  /** As a client over HTTPS does with the headers. */
  #warn(text: string): void {
    if (this.#warned.get(text) !== undefined) return;
    this.#warned.set(text, true);
    this.#deps.logger.warn(text, { user: this.#user.name });
  }

  /** The chain, then `handle`; the request is over then. */
  async #finishing<T>(walk: RequestWalk, handle: () => Promise<{ readonly value: T; readonly code: number }>): Promise<T> {
    try {
      if (walk.aborted) walk.signal.throwIfAborted();
      const pending = runChain(walk, this.#deps.chain);
      if (pending !== undefined) await pending;
      const { value, code } = await handle();
      for (const text of walk.warningTexts) this.#warn(text);
      this.#finish(walk, { code, reason: '' });
      return value;
    } catch (error) {
      if (error instanceof StatusError) walk.auditTrail?.refused(error);
      else walk.auditTrail?.failed(error);
      this.#finish(
        walk,
        error instanceof StatusError ? { code: error.code, reason: error.reason } : { code: 500, reason: 'InternalError' },
      );
      throw error;
    }
  }

  #finish(walk: RequestWalk, outcome: Outcome): void {
    walk.finish(outcome);
    this.#deps.metrics.observe(walk, outcome.code, undefined);
  }
}

const loopbackHeader = (name: string): string | undefined => (name === 'accept' ? 'application/json' : undefined);

/** @returns what ends the following, so that a signal that outlives many requests does not hold them */
function follow(walk: RequestWalk, ...signals: readonly (AbortSignal | undefined)[]): () => void {
  const listening: (() => void)[] = [];
  for (const signal of signals) {
    if (signal === undefined) continue;
    const onAbort = (): void => walk.abort(signal.reason as Error);
    if (signal.aborted) {
      onAbort();
      break;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    listening.push(() => signal.removeEventListener('abort', onAbort));
  }
  return () => {
    for (const stop of listening) stop();
  };
}

/** What the path would have said. @throws StatusError BadRequest for a namespaced object without a namespace */
function infoOf({ verb, resource, namespace = '', name = '', subresource = '', query }: ApiRequest): RequestInfo {
  const { group, version, namespaced } = resource;
  if (namespaced && namespace === '' && verb !== 'list' && verb !== 'watch') {
    throw badRequest(`an empty namespace may not be set during ${verb}`);
  }
  if (name === '' && (verb === 'get' || verb === 'update' || verb === 'patch' || verb === 'delete')) {
    throw badRequest('resource name may not be empty');
  }
  const isNamespace = group === '' && resource.resource === 'namespaces';
  const prefix = group === '' ? 'api' : 'apis';
  const path = [
    prefix,
    group,
    version,
    namespaced && namespace !== '' ? `namespaces/${namespace}` : '',
    resource.resource,
    name,
    subresource,
  ];
  const selected = name === '' && (verb === 'list' || verb === 'watch') ? nameOf(query) : name;
  return {
    isResourceRequest: true,
    path: `/${path.filter((part) => part !== '').join('/')}`,
    verb,
    apiPrefix: prefix,
    group,
    version,
    resource: resource.resource,
    subresource,
    namespace: isNamespace ? name : namespaced ? namespace : '',
    name: selected,
    rest: [],
  };
}

const NAME_SELECTOR = /^metadata\.name==?([^,=!]+)$/;

const nameOf = (query: ApiRequest['query']): string => NAME_SELECTOR.exec(query?.['fieldSelector'] ?? '')?.[1] ?? '';

function unwrap(answer: Answer, managedFields = true): unknown {
  switch (answer.kind) {
    case 'stored':
      return answer.served.view(answer.object).object;
    case 'object':
      return answer.object;
    case 'list': {
      const { served, list } = answer;
      const views = list.items.map((item) => served.view(item));
      return {
        kind: served.info.listKind,
        apiVersion: served.apiVersion,
        metadata: listMetadata(list),
        items: managedFields ? views.map(({ object }) => object) : views.map(({ trimmed }) => trimmed),
      };
    }
    case 'bytes':
      throw StatusError.fromStatus({
        message: Buffer.from(answer.body).toString().trim(),
        reason: answer.code === 404 ? 'NotFound' : '',
        code: answer.code,
      });
    case 'watch':
    case 'stream':
      throw badRequest('this request streams; it cannot be answered over loopback');
  }
}
