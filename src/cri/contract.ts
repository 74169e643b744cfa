// The container runtime as the kubelet sees it: CRI v1's two services and the state of the connection to them.
// ./client.ts speaks to a real runtime; ./testing.ts holds one in memory.
import type { ImageService, RuntimeService } from './gen/services.ts';

/**
 * A message to send: every field may be left out, which for a scalar is the same as its zero. Messages received have
 * all their scalars, lists and maps; only message fields may be absent.
 */
export type Input<T> = T extends string | number | bigint | boolean | Uint8Array
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Input<Item>[]
    : { readonly [K in keyof T]?: Input<T[K]> | undefined };

export interface CallOptions {
  /** Ends the call at the runtime, too; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds instead of the method's own deadline (./deadlines.ts); Infinity for none. */
  readonly timeoutMs?: number;
}

/**
 * - `connecting`: no connection yet, or lost a moment ago. Calls wait.
 * - `ready`: connected.
 * - `unavailable`: the last attempt failed; another follows by itself. Calls fail at once with Unavailable.
 * - `closed`: by `close`.
 */
export type ConnectionState = 'connecting' | 'ready' | 'unavailable' | 'closed';

export interface CriClient {
  readonly runtime: RuntimeService;
  readonly image: ImageService;
  readonly state: ConnectionState;
  /** Calls `listener` after every change of `state`. @returns takes the listener off again */
  onStateChange(listener: (state: ConnectionState) => void): () => void;
  /**
   * Resolves once `state` is `ready`.
   * @throws the signal's reason, or CriError Unavailable when the client is closed
   */
  ready(signal?: AbortSignal): Promise<void>;
  /** Ends running calls with CriError Canceled. Later calls fail. */
  close(): void;
}
