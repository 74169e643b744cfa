// Resource versions as clients state them, and waiting until the cache has reached one.
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { wait } from '#base/clock.ts';
import type { Registry } from './write-call.ts';

/** How long a read waits for a revision the cache has not seen, milliseconds. Source: cacher blockTimeout. */
const BLOCK_TIMEOUT_MS = 3_000;
/** Source: resourceVersionTooHighRetrySeconds. */
const RETRY_SECONDS = 1;

/** 0 for empty and `0`. @throws StatusError BadRequest. Source: ParseResourceVersion. */
export function parseResourceVersion(text: string): number {
  if (text === '' || text === '0') return 0;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  const why = Number.isNaN(value) ? 'invalid syntax' : 'value out of range';
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${goQuote(text)}: strconv.ParseUint: parsing ${goQuote(text)}: ${why}`,
  );
}

/** Source: storage.NewTooLargeResourceVersionError. */
function tooLarge(wanted: number, current: number): StatusError {
  return new StatusError('Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    retryAfterSeconds: RETRY_SECONDS,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  });
}

/** Resolves when the cache contains `revision`. @throws StatusError Timeout when that takes too long */
export async function atLeast(revision: number, { hub, clock }: Registry, signal: AbortSignal): Promise<void> {
  if (hub.revision >= revision) return;
  const settled = new AbortController();
  const either = AbortSignal.any([signal, settled.signal]);
  try {
    const reached = await Promise.race([
      hub.reached(revision, either).then(() => true),
      wait(clock, BLOCK_TIMEOUT_MS, either).then(() => false),
    ]);
    if (!reached) throw tooLarge(revision, hub.revision);
  } finally {
    settled.abort();
  }
}
