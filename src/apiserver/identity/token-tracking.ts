// Since when uses of tokens in Secrets are noted, and when each was last used.
// Source: pkg/controlplane/controller/legacytokentracking, pkg/serviceaccount legacy.go.
import { configmaps, secrets } from '#api/resources.ts';
import type { Secret } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import type { CacheReader } from '../cache/reader.ts';

const NAME = 'kube-apiserver-legacy-service-account-token-tracking';
const LAST_USED = 'kubernetes.io/legacy-token-last-used';
const DAY_MS = 86_400_000;
/** A server that does not track deletes what one that does has made: they must not take turns quickly. Source: NewController. */
const CREATE_MS = 30 * 60_000;
/** Before what failed is tried again; twice as long each time. Source: DefaultControllerRateLimiter, bounded. */
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 60_000;

const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** `2026-01-31`, in UTC. */
const dayOf = (now: number): string => new Date(now).toISOString().slice(0, 10);
const isDay = (text: string | undefined): boolean => text !== undefined && DAY.test(text) && !Number.isNaN(Date.parse(text));

export interface TrackingDeps {
  readonly client: Client;
  readonly reader: Pick<CacheReader, 'get' | 'onChange'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Keeps the ConfigMap until the signal aborts. */
export async function keepTokenTracking({ client, reader, clock, logger, signal }: TrackingDeps): Promise<void> {
  let wake = Promise.withResolvers<void>();
  const stopListening = reader.onChange(configmaps, ({ object, previous }) => {
    const { metadata } = object ?? previous ?? {};
    if (metadata?.name === NAME && metadata.namespace === NAMESPACE.system) wake.resolve();
  });
  let createdAt = -Infinity;
  let failures = 0;
  const look = async (): Promise<number | undefined> => {
    const found = reader.get(configmaps, NAME, NAMESPACE.system);
    const data = { since: dayOf(clock.now()) };
    if (found !== undefined) {
      if (!isDay(found.data?.['since'])) await client.update(configmaps, { ...found, data: { ...found.data, ...data } }, { signal });
      return undefined;
    }
    const early = createdAt + CREATE_MS - clock.now();
    if (early > 0) return early;
    await client.create(configmaps, { metadata: { name: NAME, namespace: NAMESPACE.system }, data }, { signal });
    createdAt = clock.now();
    return undefined;
  };
  try {
    while (!signal.aborted) {
      wake = Promise.withResolvers();
      const pause = new AbortController();
      let again: number | undefined;
      try {
        again = await look();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (!isStatusError(error, 'AlreadyExists') && !isStatusError(error, 'Conflict'))
          logger.warn('uses of service account tokens in secrets are not tracked', { error });
        again = Math.min(FIRST_RETRY_MS * 2 ** failures++, LONGEST_RETRY_MS);
      }
      const until = AbortSignal.any([signal, pause.signal]);
      const ended = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true, signal: pause.signal });
      });
      await Promise.race([wake.promise, ended, ...(again === undefined ? [] : [wait(clock, again, until).catch(() => {})])]);
      pause.abort();
    }
  } finally {
    stopListening();
  }
}

export interface LastUseDeps {
  readonly client: () => Pick<Client, 'patch'>;
  readonly reader: Pick<CacheReader, 'get'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Labels Secrets with the day on which their token was used. */
export class LastUses {
  readonly #deps: LastUseDeps;
  /** `namespace/name` of those being written: a burst of requests writes once. */
  readonly #writing = new Set<string>();

  constructor(deps: LastUseDeps) {
    this.#deps = deps;
  }

  /** Returns at once; what fails is logged, and tried at the next use. */
  note({ namespace, secretName }: { readonly namespace: string; readonly secretName: string }): void {
    const secret = this.#deps.reader.get(secrets, secretName, namespace);
    const key = `${namespace}/${secretName}`;
    const now = this.#deps.clock.now();
    const lastUsed = secret?.metadata.labels?.[LAST_USED];
    // Another server may be in tomorrow already.
    if (secret === undefined || lastUsed === dayOf(now) || lastUsed === dayOf(now + DAY_MS) || this.#writing.has(key)) return;
    this.#writing.add(key);
    void this.#write(secret, key, dayOf(now));
  }

  async #write({ metadata: { name, namespace, uid } }: Secret, key: string, day: string): Promise<void> {
    try {
      const body = { metadata: { uid, labels: { [LAST_USED]: day } } };
      await this.#deps.client().patch(secrets, { name, namespace }, { type: 'merge', body });
    } catch (error) {
      this.#deps.logger.error('a secret is not labelled with the day its token was used', { secret: key, error });
    } finally {
      this.#writing.delete(key);
    }
  }
}
