// What a test asks of the fake API server; ./fake-transport.ts does it.
import type { Resource } from '#apimachinery/resource.ts';
import type { New } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { ApiRequest, Transport } from '../contract.ts';

export interface FakeTransportOptions {
  /** For creation and deletion times; the system's by default. */
  readonly clock?: Clock;
  /** For uids and generated names; reproducible by default. */
  readonly ids?: Ids;
  /** Answers of getPath. `/version` and `/readyz` have one. */
  readonly paths?: Readonly<Record<string, unknown>>;
  /** `false`: watches with sendInitialEvents are refused, as by a server without the WatchList feature. */
  readonly streamingLists?: boolean;
  /** `upstream`: objects written through the API get the defaults a real server sets. Seeded ones stay as they are. */
  readonly defaulting?: 'none' | 'upstream';
  /** resourceVersion before the first write. */
  readonly firstRevision?: number;
}

/** Fields that must be equal, `resource` meaning the plural name; or a predicate. */
export type RequestMatcher =
  | ((request: ApiRequest) => boolean)
  | {
      readonly verb?: ApiRequest['verb'];
      readonly resource?: string;
      readonly namespace?: string;
      readonly name?: string;
      readonly subresource?: string;
    };

/** A request the fake answered or refused, in order. */
export interface FakeAction {
  readonly verb: ApiRequest['verb'];
  /** `deployments`, or `deployments/status`. */
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly body?: unknown;
  readonly query: Readonly<Record<string, string>>;
}

export interface FakeTransport extends Transport {
  /**
   * Stores objects as they are (status included), as if other clients had written them; not in the action log.
   * One that is there already is replaced and keeps its uid.
   */
  seed<T>(resource: Resource<T>, ...objects: readonly New<T>[]): T[];
  /** Changes one stored object as another client would, status included; not in the action log. */
  change<T>(resource: Resource<T>, name: string, namespace: string | undefined, edit: (object: T) => New<T>): T;
  /** Removes one stored object at once, whatever its finalizers; not in the action log. */
  erase(resource: Resource, name: string, namespace?: string): void;
  /** What is stored, ordered by namespace and name. */
  stored<T>(resource: Resource<T>, namespace?: string): T[];
  /** The next `times` (default 1) matching requests are refused with `error` and change nothing. */
  failNext(matcher: RequestMatcher, error: Error, times?: number): void;
  /** The next `times` (default 1) matching requests are carried out, and their answers never come: ConnectionError. */
  loseNext(matcher: RequestMatcher, times?: number): void;
  /** Answers matching requests instead of the fake; `undefined` leaves it to the fake. Returns the remover. */
  react(matcher: RequestMatcher, answer: (request: ApiRequest) => unknown): () => void;
  /** Holds the next matching request back until the returned function is called. */
  holdNext(matcher: RequestMatcher): () => void;
  readonly actions: readonly FakeAction[];
  /** Writing actions as `create pods ns/name`; a name that was generated shows as `*`. */
  writes(): string[];
  clearActions(): void;
  /** Ends matching watches with `error` (default: ConnectionError); `end` closes them as a server does at its timeout. */
  breakWatches(matcher?: RequestMatcher, error?: Error | 'end'): void;
  /** Sends a bookmark to every watch that asked for them. */
  sendBookmarks(): void;
  /** Forgets history: watches from an older resourceVersion are refused with Expired. */
  compact(): void;
  /** While offline every request and watch fails with ConnectionError. */
  setOffline(offline: boolean): void;
  readonly openWatches: number;
  readonly resourceVersion: string;
}
