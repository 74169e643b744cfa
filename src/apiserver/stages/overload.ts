// The one refusal that is told in plain text: an overloaded server encodes nothing.
import { StatusError } from '#apimachinery/errors.ts';

/** Source: filters tooManyRequests. */
export class OverloadError extends StatusError {
  constructor(retryAfterSeconds: number) {
    super('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds });
  }
}
