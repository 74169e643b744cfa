// What encryption at rest counts, under upstream's names. Source: apiserver envelope/metrics.
import type { Clock } from '#base/clock.ts';
import { ReloadMetrics, shownHash } from '../configuration/reload-metrics.ts';
import { CounterFamily, GaugeFamily, HistogramFamily } from '#base/metrics.ts';

const ENVELOPE = 'apiserver_envelope_encryption_';
const SECONDS = Array.from({ length: 20 }, (_, i) => 0.0001 * 2 ** i);
/** Keys shown; the one unused for longest goes first. Source: cacheSize. */
const MAX_KEYS = 100;

/** Codes of gRPC by their numbers. Source: grpc codes. */
const CODES =
  'OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated'.split(
    ' ',
  );

/** Of a gRPC code, as Go prints it. */
export const codeName = (code: number): string => CODES[code] ?? `Code(${code})`;

/** Of a call that failed before it was one. Source: getErrorCode. */
const NO_CODE = 'unknown-non-grpc';

export class EncryptionMetrics {
  readonly #clock: Clock;
  readonly #server: string;
  readonly #latency = new HistogramFamily(
    `${ENVELOPE}kms_operations_latency_seconds`,
    'Time of calls to key services, in seconds, by service, method and code.',
    ['provider_name', 'method_name', 'grpc_status_code'],
    SECONDS,
  );
  readonly #uses = new CounterFamily(`${ENVELOPE}key_id_hash_total`, 'How often a key was used, by direction and service.', [
    'transformation_type',
    'provider_name',
    'key_id_hash',
    'apiserver_id_hash',
  ]);
  readonly #used = new GaugeFamily(`${ENVELOPE}key_id_hash_last_timestamp_seconds`, 'When a key was last used.', [
    'transformation_type',
    'provider_name',
    'key_id_hash',
    'apiserver_id_hash',
  ]);
  readonly #seen = new GaugeFamily(`${ENVELOPE}key_id_hash_status_last_timestamp_seconds`, 'When a service last said that it has a key.', [
    'provider_name',
    'key_id_hash',
    'apiserver_id_hash',
  ]);
  readonly #invalid = new CounterFamily(
    `${ENVELOPE}invalid_key_id_from_status_total`,
    'Names of keys that are none, by service and error.',
    ['provider_name', 'error'],
  );
  readonly #cached = new GaugeFamily(`${ENVELOPE}dek_source_cache_size`, 'Unwrapped keys kept, by service.', ['provider_name']);
  readonly reloads: ReloadMetrics;
  /** Labels of keys that are shown, oldest first. */
  readonly #keys = new Map<string, readonly [direction: string, provider: string, hash: string, server: string]>();
  readonly #hashes = new Map<string, string>();

  /** @param serverId as in the server's Lease. @param content of the configuration that it begins with */
  constructor(clock: Clock, serverId: string, content: string) {
    this.#clock = clock;
    this.#server = shownHash(serverId);
    this.reloads = new ReloadMetrics({ what: 'encryption', clock, serverId, content });
  }

  /** @param error of the call, with the number of its gRPC code where it has one */
  called(provider: string, method: string, ms: number, error: { readonly code?: number } | undefined): void {
    const code = error === undefined ? 'OK' : error.code === undefined ? NO_CODE : codeName(error.code);
    this.#latency.of(provider, method, code).observe(ms / 1_000);
  }

  usedKey(direction: 'from_storage' | 'to_storage', provider: string, keyId: string): void {
    const labels = [direction, provider, this.#hash(keyId), this.#server] as const;
    const name = labels.join('\0');
    this.#keys.delete(name);
    this.#keys.set(name, labels);
    this.#uses.of(...labels).add();
    this.#used.of(...labels).set(this.#now());
    if (this.#keys.size <= MAX_KEYS) return;
    const [[oldest, gone]] = this.#keys as unknown as [[string, readonly string[]]];
    this.#keys.delete(oldest);
    this.#uses.forget(...gone);
    this.#used.forget(...gone);
  }

  /** @param problem of the name; undefined: it is one */
  statusKey(provider: string, keyId: string, problem: 'empty' | 'too_long' | undefined): void {
    if (problem === undefined) this.#seen.of(provider, this.#hash(keyId), this.#server).set(this.#now());
    else this.#invalid.of(provider, problem).add();
  }

  cachedKeys(provider: string, count: number): void {
    this.#cached.of(provider).set(count);
  }

  /** Text exposition format. */
  expose(): string {
    return [this.#latency, this.#uses, this.#used, this.#seen, this.#invalid, this.#cached, this.reloads]
      .map((family) => family.expose())
      .join('');
  }

  #now(): number {
    return this.#clock.now() / 1_000;
  }

  #hash(keyId: string): string {
    let hash = this.#hashes.get(keyId);
    if (hash === undefined) {
      if (this.#hashes.size > MAX_KEYS) this.#hashes.clear();
      this.#hashes.set(keyId, (hash = shownHash(keyId)));
    }
    return hash;
  }
}
