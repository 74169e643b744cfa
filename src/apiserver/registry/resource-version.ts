// Resource versions as clients state them, and waiting until the cache has reached one.
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { wait } from '#base/clock.ts';
import type { Registry } from './write-call.ts';

/** How long a read waits for a revision the cache has not seen, milliseconds. Source: cacher blockTimeout. */
const BLOCK_TIMEOUT_MS = 3_000;
/** Source: resourceVersionTooHighRetrySeconds. */
const RETRY_SECONDS = 1;

/**
 * 0 for empty and `0`. @throws StatusError BadRequest for a list; without a reason elsewhere, where upstream does not expect it
 * Source: ParseResourceVersion, its callers in etcd3 store.go and cacher.
 */
export function parseResourceVersion(text: string, verb: 'list' | 'get' | 'watch'): number {
  const { value, problem } = readVersion(text);
  if (problem === undefined) return value;
  const why = `resourceVersion: Invalid value: ${goQuote(text)}: ${problem}`;
  throw verb === 'list' ? badRequest(`invalid resource version: ${why}`) : new StatusError('', why);
}

/** That of an object which is written. @throws StatusError without a reason. Source: APIObjectVersioner.ObjectResourceVersion */
export function checkWrittenVersion(text: string): void {
  const { problem } = readVersion(text);
  if (problem !== undefined) throw new StatusError('', problem);
}

/** Source: strconv.ParseUint. */
function readVersion(text: string): { readonly value: number; readonly problem?: string } {
  if (text === '' || text === '0') return { value: 0 };
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return { value };
  return {
    value,
    problem: `strconv.ParseUint: parsing ${goQuote(text)}: ${Number.isNaN(value) ? 'invalid syntax' : 'value out of range'}`,
  };
}

/** Source: storage.NewTooLargeResourceVersionError. */
function tooLarge(wanted: number, current: number, retry: boolean): StatusError {
  return new StatusError('Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    ...(retry ? { retryAfterSeconds: RETRY_SECONDS } : {}),
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  });
}

/**
 * Resolves when the cache contains `revision`.
 * @param retry whether the client is told to come again: not where it wants this very moment
 * @throws StatusError Timeout when that takes too long
 */
export async function atLeast(revision: number, { hub, clock }: Registry, signal: AbortSignal, retry = true): Promise<void> {
  if (hub.progress.revision >= revision) return;
  const settled = new AbortController();
  const either = AbortSignal.any([signal, settled.signal]);
  try {
    const reached = await Promise.race([
      hub.progress.reached(revision, either).then(() => true),
      wait(clock, BLOCK_TIMEOUT_MS, either).then(() => false),
    ]);
    if (!reached) throw tooLarge(revision, hub.progress.revision, retry);
  } finally {
    settled.abort();
  }
}
