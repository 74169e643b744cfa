// What is known about one request on its walk through ./chain.ts. Stages fill it in order; handlers only read it.
import type { Logger } from '#base/log.ts';
import type { AuditTrail } from './audit/contract.ts';
import type { UserInfo } from './authentication/contract.ts';
import type { Span } from './tracing/contract.ts';

/**
 * What the request line asks for, before anything is decided about it. Source: request.RequestInfo.
 *
 * For `/apis/apps/v1/namespaces/a/deployments/b/scale` with PUT:
 * `{ isResourceRequest: true, verb: 'update', apiPrefix: 'apis', group: 'apps', version: 'v1', namespace: 'a',
 *    resource: 'deployments', name: 'b', subresource: 'scale', rest: [] }`
 */
export interface RequestInfo {
  readonly isResourceRequest: boolean;
  /** Decoded, without the query. */
  readonly path: string;
  /**
   * For resources: get, list, watch, create, update, patch, delete, deletecollection, or `proxy` (old path form).
   * For everything else the HTTP method in lower case. Empty for an unknown method on a resource.
   */
  readonly verb: string;
  /** `api`, `apis`, or empty. */
  readonly apiPrefix: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural resource, or empty. */
  readonly resource: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Empty for cluster-scoped resources and for all namespaces. For `/api/v1/namespaces/a` it is `a`. */
  readonly namespace: string;
  /** Empty where the path gives none; on list and watch the name of a `metadata.name=` field selector. */
  readonly name: string;
  /** Path segments after the subresource: what a proxy passes on. */
  readonly rest: readonly string[];
}

/** Warnings sent back as `Warning: 299` headers (loopback: logged), each text once. Source: warning.AddWarning. */
export interface Warnings {
  add(text: string): void;
  readonly texts: readonly string[];
}

/** Annotations that stages and admission plugins put on the audit event. The first value of a key stays. */
export interface AuditAnnotations {
  /** @param level least level of an event that shows it; default Metadata. Source: AddAnnotationWithLevel */
  add(key: string, value: string, level?: 'Metadata' | 'Request'): void;
  /** For events of every level. */
  readonly entries: Readonly<Record<string, string>>;
  /** Further ones, for events of level Request and above. */
  readonly requestEntries: Readonly<Record<string, string>>;
}

export interface RequestContext {
  /** Unique for each request; sent back as `Audit-Id`. */
  readonly id: string;
  /** As sent, with the query: `/api/v1/pods?limit=5`. */
  readonly uri: string;
  /** HTTP method; on loopback the one the verb stands for. */
  readonly method: string;
  readonly transport: 'https' | 'loopback';
  readonly info: RequestInfo;
  /** Query parameters by name; a repeated one keeps all its values in order. */
  readonly query: Query;
  /** Set by the authentication stage; reading it before is a bug and throws. */
  readonly user: UserInfo;
  /** On loopback what the caller is called. */
  readonly userAgent: string;
  /** IP of the peer; empty on loopback. */
  readonly remoteAddress: string;
  readonly warnings: Warnings;
  readonly audit: AuditAnnotations;
  /** Where the policy wants this request written down. */
  readonly auditTrail: AuditTrail | undefined;
  /** Of a request that is traced. */
  readonly span: Span | undefined;
  /** It was found to be an apply, which figures tell apart from other patches. */
  isApply: boolean;
  /** Headers of whatever answer is given, by lower-case name. */
  addHeaders(headers: Readonly<Record<string, string>>): void;
  /** Milliseconds went by in which others (webhooks, requests before it) had to be waited for. */
  waited(ms: number): void;
  /** Aborted when the client is gone, the deadline has passed or the server stops. */
  readonly signal: AbortSignal;
  /** Milliseconds from when it was read until it is ended; undefined: it may go on. */
  readonly limitMs: number | undefined;
  /** Milliseconds since it was read. */
  readonly elapsedMs: number;
  /** Milliseconds since the epoch when the request was read. */
  readonly receivedAt: number;
  readonly logger: Logger;
}

/** Query parameters. `get` gives the first value. */
export interface Query {
  get(name: string): string | undefined;
  getAll(name: string): readonly string[];
  has(name: string): boolean;
}

/** Reads that change nothing: flow control counts them apart from writes. */
export function isReadOnlyVerb(verb: string): boolean {
  return verb === 'get' || verb === 'list' || verb === 'watch';
}
