// From a request that may proceed to the handler that answers it.
import { badRequest, methodNotAllowed, methodNotSupported, notFound, resourceNotServed, type StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { SubresourceInfo } from '#api/schema.ts';
import type { Transport } from '#client/contract.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { Body } from '../negotiation/input.ts';
import type { ServedResource } from '../registry/catalog.ts';
import type { RequestContext, RequestInfo } from '../request.ts';
import type { Span } from '../tracing/contract.ts';
import { pageNotFound, text } from '../routes/text.ts';
import type { RouteTable } from '../routes/table.ts';
import type { Answer } from './answer.ts';
import { handleCreate } from './create.ts';
import { deprecationOf } from './deprecation.ts';
import { handleDeleteCollection } from './delete-collection.ts';
import { handleDelete } from './delete.ts';
import { handleGet } from './get.ts';
import { handleList } from './list.ts';
import type { HandlerDeps, Operation } from './operation.ts';
import { handlePatch } from './patch.ts';
import { scaleHandlers } from './scale.ts';
import { handleUpdate } from './update.ts';
import { handleWatch } from './watch.ts';

export type Handler = (operation: Operation, deps: HandlerDeps) => Answer | Promise<Answer>;

/** Verbs a resource or subresource answers in its own way, by verb. */
export type Handlers = Readonly<Partial<Record<string, Handler>>>;

const GENERIC: Handlers = {
  get: handleGet,
  list: handleList,
  watch: handleWatch,
  create: handleCreate,
  update: handleUpdate,
  patch: handlePatch,
  delete: handleDelete,
  deletecollection: handleDeleteCollection,
};

/** A subresource without handlers of its own is the whole object, of which a part may change. */
const WHOLE_OBJECT: Handlers = { get: handleGet, update: handleUpdate, patch: handlePatch };

export interface DispatchDeps extends HandlerDeps {
  readonly routes: RouteTable;
  /** By `pods/binding`, `deployments.apps/scale`, `tokenreviews.authentication.k8s.io`. */
  readonly handlers: ReadonlyMap<string, Handlers>;
  readonly others: OtherServers;
  /** Told of each request for a deprecated version, and of the release that removes it: `1.39`, or empty. */
  deprecated(info: RequestInfo, removedRelease: string): void;
}

/** Servers that answer for group versions of their own. */
export interface OtherServers {
  serves(info: RequestInfo): boolean;
  /** Undefined for what this server answers itself. */
  answer(request: RequestContext): Answer | undefined;
  /** For callers in this process, who send and take objects. @throws StatusError ServiceUnavailable */
  transport(info: RequestInfo, user: UserInfo): Transport;
}

const APPLY = 'application/apply-patch+yaml';

/** The minor release of v1 whose API this is. */
const MINOR = 36;

/** @throws StatusError */
export async function dispatch(
  request: RequestContext,
  header: (name: string) => string | undefined,
  body: Body,
  deps: DispatchDeps,
): Promise<Answer> {
  const { info } = request;
  const others = deps.others.answer(request);
  if (others !== undefined) return others;
  // Whoever saw a definition established finds it served: custom resources come and go with what the caches have seen.
  const catchUp =
    info.isResourceRequest && !isBuiltIn(deps.registry.catalog.find(info))
      ? deps.registry.hub.progress.caughtUp(request.signal)
      : undefined;
  if (catchUp !== undefined) await catchUp;
  const answer = await handled(request, header, body, deps);
  const unready = answer.kind === 'stored' || answer.kind === 'list' ? viewsOf(answer, request) : undefined;
  if (unready !== undefined) await unready;
  return answer;
}

const isBuiltIn = (served: ServedResource | undefined): boolean => served?.info.origin === 'builtin';

/** What a webhook has to convert before it can be shown. */
function viewsOf(answer: Extract<Answer, { readonly kind: 'stored' | 'list' }>, request: RequestContext): Promise<void> | undefined {
  const form = answer.served.stored?.form;
  if (form?.waits !== true) return undefined;
  return form.ready(answer.kind === 'list' ? answer.list.items : [answer.object], request.signal);
}

function handled(
  request: RequestContext,
  header: (name: string) => string | undefined,
  body: Body,
  deps: DispatchDeps,
): Answer | Promise<Answer> {
  const { info } = request;
  if (!info.isResourceRequest) return route(request, header, deps);
  const served = deps.registry.catalog.find(info);
  if (served === undefined && deps.registry.catalog.isBuiltIn(info)) throw resourceNotServed();
  if (served === undefined || (served.hidden === true && request.transport !== 'loopback'))
    return deps.routes.find(info.path)?.handle({ request, header }) ?? pageNotFound();
  if (!isInScope(served, info)) {
    if (isBuiltIn(served)) throw resourceNotServed();
    return pageNotFound();
  }
  const subresource = info.subresource === '' ? undefined : served.info.subresources.get(info.subresource);
  if (info.subresource !== '' && subresource === undefined) {
    if (isBuiltIn(served)) throw resourceNotServed();
    throw notFound(served.info, info.name); // Source: crdHandler.ServeHTTP
  }
  // Built-in parts have routes of their own; of a custom resource's path nothing is read beyond the part.
  if (isBuiltIn(served) && info.rest.length > 0 && subresource?.pathSuffix !== true) throw resourceNotServed();
  if (served.stored !== undefined && info.name !== '') checkSegment(info.name);
  noteDeprecation(served, request, deps);
  request.isApply = info.verb === 'patch' && body.contentType === APPLY;
  const noted = request.auditTrail === undefined ? body : request.auditTrail.body(body);
  const handle = handlerFor(served, subresource, request, deps);
  const operation = { request, served, subresource, body: noted };
  return request.span === undefined ? handle(operation, deps) : traced(request.span, info.verb, () => handle(operation, deps));
}

/** Names are parts of keys. @throws StatusError BadRequest. Source: NamespaceKeyFunc, path.IsValidPathSegmentName */
function checkSegment(name: string): void {
  const wrong =
    name === '.' || name === '..'
      ? [`may not be '${name}'`]
      : ['/', '%'].filter((one) => name.includes(one)).map((one) => `may not contain '${one}'`);
  if (wrong.length > 0) throw badRequest(`Name parameter invalid: ${goQuote(name)}: ${wrong.join(';')}`);
}

/** Source: endpoints/metrics MonitorRequest. */
function noteDeprecation(served: ServedResource, { info, warnings, audit }: RequestContext, deps: DispatchDeps): void {
  const deprecation = deprecationOf(served, MINOR);
  if (deprecation === undefined) return;
  const { warning, removedRelease } = deprecation;
  warnings.add(warning);
  audit.add('k8s.io/deprecated', 'true');
  if (removedRelease !== '') audit.add('k8s.io/removed-release', removedRelease);
  deps.deprecated(info, removedRelease);
}

/** Source: tracing.Start in the handlers: `Create`, `DeleteCollection`. */
async function traced<T>(parent: Span, verb: string, work: () => T | Promise<T>): Promise<T> {
  const span = parent.child(SPANS[verb] ?? verb);
  let failure: string | undefined;
  try {
    return await work();
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    span.end({}, failure);
  }
}

const SPANS: Readonly<Record<string, string>> = {
  get: 'Get',
  list: 'List',
  watch: 'Watch',
  create: 'Create',
  update: 'Update',
  patch: 'Patch',
  delete: 'Delete',
  deletecollection: 'DeleteCollection',
};

/** Whether a path with this namespace, or without one, leads to the resource. Source: crdHandler.ServeHTTP, APIInstaller. */
function isInScope({ info, stored }: ServedResource, { verb, namespace, name }: RequestInfo): boolean {
  if (!info.namespaced) return namespace === '' || (isNamespaces(info) && name === namespace);
  // A collection is read across namespaces. That of a built-in resource is there for other verbs too, though not allowed.
  if (namespace !== '' || verb === 'list' || verb === 'watch' || stored === undefined) return true;
  return info.origin === 'builtin' && name === '';
}

const isNamespaces = ({ group, resource }: ServedResource['info']): boolean => group === '' && resource === 'namespaces';

function route(request: RequestContext, header: (name: string) => string | undefined, { routes }: DispatchDeps): Answer | Promise<Answer> {
  const { path } = request.info;
  const found = routes.find(path);
  if (found === undefined) return pageNotFound();
  const getOnly = typeof found.getOnly === 'function' ? found.getOnly(path) : found.getOnly === true;
  if (getOnly && request.method !== 'GET') throw methodNotAllowed();
  const isAnswered = request.method === 'GET' || request.method === 'HEAD' || found.anyMethod?.(path) === true;
  if (!isAnswered) return text(405, '405: Method Not Allowed', { allow: 'GET, HEAD' });
  return found.handle({ request, header });
}

function handlerFor(
  served: ServedResource,
  subresource: SubresourceInfo | undefined,
  request: RequestContext,
  { handlers }: DispatchDeps,
): Handler {
  const { info } = request;
  // Built-in routes are of one method each; only what is passed on takes HEAD.
  if (request.method === 'HEAD' && isBuiltIn(served) && subresource?.name !== 'proxy') throw methodNotAllowed();
  // What is created has no name in its path; what is changed has one.
  if (subresource === undefined && isBuiltIn(served) && UNNAMED[info.verb] === (info.name !== '')) throw notAllowed(served, info.verb);
  // A namespaced collection can be read across namespaces, but not written.
  if (served.info.namespaced && info.namespace === '' && !['list', 'watch'].includes(info.verb) && served.stored !== undefined) {
    throw notAllowed(served, info.verb);
  }
  const key = subresource === undefined ? served.name : `${served.name}/${subresource.name}`;
  const own = (subresource?.name === 'scale' && served.stored?.strategy.scale !== undefined ? scaleHandlers : handlers.get(key))?.[
    info.verb
  ];
  if (own !== undefined) return own;
  const supported: readonly string[] = subresource?.verbs ?? served.info.verbs;
  if (!supported.includes(info.verb)) throw notAllowed(served, info.verb);
  const generic = (subresource === undefined ? GENERIC : WHOLE_OBJECT)[info.verb];
  if (generic === undefined) throw notAllowed(served, info.verb);
  return generic;
}

/** Whether the path of a verb ends without a name. */
const UNNAMED: Readonly<Record<string, boolean>> = { create: true, update: false, patch: false };

const notAllowed = (served: ServedResource, verb: string): StatusError =>
  isBuiltIn(served) ? methodNotAllowed() : methodNotSupported(served.info, verb);
