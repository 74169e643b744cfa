// Encryption at rest as the server is given it: rules read from a file, followed while it changes, and the health of key
// services. Source: encryptionconfig LoadEncryptionConfig, controller.DynamicEncryptionConfigContent, primeAndProbeKMSv2.
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Store } from '#store/contract.ts';
import { followFiles } from '../configuration/follow-file.ts';
import type { HealthCheck } from '../routes/health.ts';
import { readEncryptionConfiguration } from './configuration.ts';
import type { KmsEnvelope } from './kms/envelope.ts';
import { EncryptionMetrics } from './metrics.ts';
import { encryptionRules, type EncryptionRules } from './rules.ts';
import { EncryptedStore } from './store.ts';

/** Between looks at a service that is well, and at one that is not, milliseconds. Source: kmsv2PluginHealthzPositiveInterval, -NegativeInterval. */
const WELL_MS = 60_000;
const UNWELL_MS = 10_000;
/** How long a health check takes the last look for granted, milliseconds. Source: kmsPluginHealthzPositiveTTL, -NegativeTTL. */
const WELL_COUNTS_MS = 20_000;
const UNWELL_COUNTS_MS = 3_000;
/** How long old rules stay usable after a reload, for what is under way, milliseconds. Source: KMSCloseGracePeriod. */
const GRACE_MS = 10_000;

export interface EncryptionOptions {
  /** Source: --encryption-provider-config. */
  readonly path: string;
  readonly text: string;
  /** Source: --encryption-provider-config-automatic-reload. */
  readonly reload: boolean;
  /** As in the server's Lease. */
  readonly serverId: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

export interface EncryptionAtRest {
  /** @param resourceOf the resource stored at a key */
  wrap(store: Store, resourceOf: (storeKey: string) => string | undefined): EncryptedStore;
  readonly checks: readonly HealthCheck[];
  /** Figures, in Prometheus' text format. */
  expose(): string;
  stop(): void;
}

/**
 * Resolves when every key service was asked once; one that does not answer is asked again and fails healthz meanwhile.
 * @throws ConfigurationError
 */
export async function encryptionAtRest({ path, text, reload, serverId, clock, ids, logger }: EncryptionOptions): Promise<EncryptionAtRest> {
  const metrics = new EncryptionMetrics(clock, serverId, text);
  let current: EncryptionRules = encryptionRules(readEncryptionConfiguration(text), { clock, ids, metrics });
  let probes = current.kms.map((envelope) => new Probe(envelope, clock, logger));
  await Promise.all(probes.map((probe) => probe.begin()));
  const load = async ([content = '']: readonly string[]): Promise<void> => {
    const next = encryptionRules(readEncryptionConfiguration(content), { clock, ids, metrics });
    const fresh = next.kms.map((envelope) => new Probe(envelope, clock, logger));
    await Promise.all(fresh.map((probe) => probe.begin()));
    const sick = fresh.find((probe) => probe.failure !== undefined);
    if (sick !== undefined) {
      for (const probe of fresh) probe.end();
      throw new Error(sick.failure);
    }
    const old = probes;
    [current, probes] = [next, fresh];
    clock.after(GRACE_MS, () => old.forEach((probe) => probe.end()));
  };
  const take = (contents: readonly string[]): Promise<void> => metrics.reloads.counting(contents[0] ?? '', () => load(contents));
  const onUnreadable = (): void => metrics.reloads.unreadable();
  const stopFollowing = reload ? followFiles({ paths: [path], current: [text], load: take, onUnreadable, clock, logger }) : undefined;
  const checked = reload || probes.length > 0;
  return {
    wrap: (inner, resourceOf) =>
      new EncryptedStore({ inner, resourceOf, transformerOf: (resource) => current.transformerOf(resource), logger }),
    expose: () => metrics.expose(),
    checks: checked ? [{ name: 'kms-providers', check: () => failureOf(probes) }] : [],
    stop() {
      stopFollowing?.();
      for (const probe of probes) probe.end();
    },
  };
}

async function failureOf(probes: readonly Probe[]): Promise<string | undefined> {
  await Promise.all(probes.map((probe) => probe.refresh()));
  const failures = probes.flatMap(({ failure }, i) => (failure === undefined ? [] : [`kms-provider-${i}: ${failure}`]));
  return failures.length === 0 ? undefined : failures.join(', ');
}

/** Keeps asking one key service how it is. */
class Probe {
  readonly #envelope: KmsEnvelope;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  failure: string | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(envelope: KmsEnvelope, clock: Clock, logger: Logger) {
    this.#envelope = envelope;
    this.#clock = clock;
    this.#logger = logger;
  }

  async begin(): Promise<void> {
    await this.#look();
    void this.#goOn();
  }

  /** Looks now, if the last look is old. */
  async refresh(): Promise<void> {
    const counts = this.failure === undefined ? WELL_COUNTS_MS : UNWELL_COUNTS_MS;
    if (this.#clock.monotonic() - this.#lookedAt >= counts) await this.#look();
  }

  end(): void {
    this.#stop.abort(new Error('the key service is no longer used'));
    this.#envelope.close();
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await wait(this.#clock, this.failure === undefined ? WELL_MS : UNWELL_MS, signal);
      } catch {
        return; // ended
      }
      await this.#look();
    }
  }

  /** Whoever asks while a look is under way gets its result. */
  #look(): Promise<void> {
    this.#looking ??= this.#probe().finally(() => {
      this.#lookedAt = this.#clock.monotonic();
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #probe(): Promise<void> {
    try {
      await this.#envelope.probe();
      this.failure = undefined;
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.failure = error instanceof Error ? error.message : String(error);
      this.#logger.error('kms plugin failed health check probe', { error });
    }
  }
}
