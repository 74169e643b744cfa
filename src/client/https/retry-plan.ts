// Whether a request is sent again, and when. Pure. Source: client-go rest with_retry.go and request.go.
import type { HttpRequest } from './http-request.ts';

export type Attempt =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: number | undefined }
  /** The server certainly did not look at it: it never left, or was refused by GOAWAY. */
  | { readonly kind: 'not-processed' }
  /** No connection could be made. */
  | { readonly kind: 'unreachable' }
  /** It was sent, and the connection broke before the answer was complete. */
  | { readonly kind: 'broken' };

export type RetryPlan = { readonly kind: 'settle' } | { readonly kind: 'retry'; readonly afterMs: number };

/** Source: request.go defaultMaxRetries. */
const MAX_RETRIES = 10;
/** A server may not make us wait longer than this, seconds. */
const MAX_RETRY_AFTER_SECONDS = 60;
/** Source: retryAfterResponse. */
const BROKEN_RETRY_MS = 1_000;

/** `retries`: how often it was sent again already. */
export function planRetry(method: HttpRequest['method'], attempt: Attempt, retries: number): RetryPlan {
  const settle: RetryPlan = { kind: 'settle' };
  if (retries >= MAX_RETRIES) return settle;
  switch (attempt.kind) {
    case 'not-processed':
      return { kind: 'retry', afterMs: 0 };
    case 'broken':
      // Only a read can be repeated when it may have been carried out.
      return method === 'GET' ? { kind: 'retry', afterMs: BROKEN_RETRY_MS } : settle;
    case 'unreachable':
      return settle;
    case 'answered': {
      const { status, retryAfter } = attempt;
      if (retryAfter === undefined || (status !== 429 && status < 500)) return settle;
      return { kind: 'retry', afterMs: Math.min(retryAfter, MAX_RETRY_AFTER_SECONDS) * 1000 };
    }
  }
}
