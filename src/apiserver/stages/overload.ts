// An overloaded server encodes nothing.
import { PlainRefusal } from './plain-refusal.ts';

/** Source: filters tooManyRequests. */
export class OverloadError extends PlainRefusal {
  constructor(retryAfterSeconds: number) {
    super('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds });
  }
}
