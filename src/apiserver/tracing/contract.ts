// What a request does while it is traced. Most are not: they have no span, and cost nothing.
import type { RequestContext } from '../request.ts';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  /** Something happened now. */
  event(name: string, attributes?: Attributes): void;
  /** A part of this one; it ends on its own. */
  child(name: string, attributes?: Attributes): Span;
  /** Headers that carry the trace on to another server. Source: W3C Trace Context. */
  headers(): Readonly<Record<string, string>>;
  /** @param error why it failed; absent: it did not */
  end(attributes?: Attributes, error?: string): void;
}

export interface Tracer {
  /** A span for a request whose user is known; undefined when it is not sampled. */
  begin(request: RequestContext, header: (name: string) => string | undefined): Span | undefined;
  /** Sends what is left, for a bounded time. */
  stop(): Promise<void>;
}
