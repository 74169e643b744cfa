// Holds a namespace to its quotas. Writes of one namespace are charged in batches, one after the other, so that a quota
// is written once for many; a write goes on when all it takes is on record.
// Source: apiserver pkg/admission/plugin/resourcequota admission.go, controller.go, resource_access.go.
import { resourcequotas } from '#api/resources.ts';
import type { ResourceQuota } from '#api/types.ts';
import { internalError, StatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import { Lru } from '#base/lru.ts';
import { ConnectionError, type Client } from '#client/contract.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { AdmissionAttributes, ValidatingPlugin } from '../contract.ts';
import { charge } from './charge.ts';
import type { Evaluator } from '#api/quota/evaluator.ts';
import { Evaluators } from '#api/quota/evaluators.ts';

export interface ResourceQuotaDeps {
  readonly reader: CacheReader;
  readonly clock: Clock;
  /** May write the status of quotas; asked for with the first write. */
  readonly client: () => Client;
}

/** Tries to write a quota that others write too. */
const TRIES = 4;
/** Longest a write waits for its turn, milliseconds. Source: quotaEvaluator.Evaluate. */
const TIMEOUT_MS = 10_000;
/** Quotas remembered as written, until the cache has them. */
const REMEMBERED = 100;

interface Waiter {
  readonly attributes: AdmissionAttributes;
  readonly evaluator: Evaluator;
  /** Called once; without an error the write may go on. */
  settle(error?: Error): void;
}

export function resourceQuota(deps: ResourceQuotaDeps): ValidatingPlugin {
  const evaluators = new Evaluators(deps.reader);
  const accounts = new Accounts(deps);
  return {
    name: 'ResourceQuota',
    operations: ['CREATE', 'UPDATE'],
    validate(attributes) {
      const { namespace, resource, object } = attributes;
      if (namespace === '' || object === undefined || (resource.resource === 'namespaces' && resource.group === '')) return;
      const evaluator = evaluators.find(resource);
      if (evaluator === undefined || !evaluator.handles(attributes) || !accounts.hasQuotas(namespace)) return;
      return accounts.charge(attributes, evaluator);
    },
  };
}

class Accounts {
  readonly #deps: ResourceQuotaDeps;
  /** Writes that wait, by namespace; present while one of the namespace's batches is under way. */
  readonly #waiting = new Map<string, Waiter[]>();
  readonly #written = new Lru<string, ResourceQuota>(REMEMBERED);

  constructor(deps: ResourceQuotaDeps) {
    this.#deps = deps;
  }

  hasQuotas(namespace: string): boolean {
    for (const _ of this.#deps.reader.list(resourcequotas, namespace)) return true;
    return false;
  }

  /** @throws StatusError Forbidden when a quota would be exceeded, InternalError after ten seconds */
  charge(attributes: AdmissionAttributes, evaluator: Evaluator): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#deps.clock.after(TIMEOUT_MS, () => reject(internalError(new Error('resource quota evaluation timed out'))));
      const settle = (error?: Error): void => {
        cancel();
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#add({ attributes, evaluator, settle });
    });
  }

  #add(waiter: Waiter): void {
    const { namespace } = waiter.attributes;
    const waiting = this.#waiting.get(namespace);
    if (waiting !== undefined) return void waiting.push(waiter);
    this.#waiting.set(namespace, [waiter]);
    void this.#run(namespace);
  }

  async #run(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace) ?? [];
      if (batch.length === 0) return void this.#waiting.delete(namespace);
      this.#waiting.set(namespace, []);
      try {
        await this.#settle(namespace, batch);
      } catch (error) {
        for (const { settle } of batch) settle(error as Error); // who has been told already hears nothing more
      }
    }
  }

  /** Charges a batch, writes what changed, and tells everyone. */
  async #settle(namespace: string, batch: readonly Waiter[]): Promise<void> {
    let open = batch;
    let quotas = this.#quotas(namespace);
    for (let attempt = 1; ; attempt++) {
      const { after, waiting } = this.#chargeAll(quotas, open);
      const failed = await this.#write(quotas, after);
      if (failed === undefined) {
        for (const { settle } of waiting) settle();
        return;
      }
      if (attempt === TRIES) {
        for (const { settle } of waiting) settle(failed.error);
        return;
      }
      await this.#deps.reader.caughtUp();
      open = waiting;
      // The others hold what these writes take already.
      quotas = this.#quotas(namespace).filter(({ metadata }) => failed.names.has(metadata.name));
    }
  }

  /** Refuses whom it must; those left wait for the quotas to be written. */
  #chargeAll(
    quotas: readonly ResourceQuota[],
    batch: readonly Waiter[],
  ): { readonly after: readonly ResourceQuota[]; readonly waiting: readonly Waiter[] } {
    const now = this.#deps.clock.now();
    const waiting: Waiter[] = [];
    let after = quotas;
    for (const waiter of batch) {
      try {
        const next = charge(after, waiter.attributes, waiter.evaluator, now);
        const unchanged = next.every((quota, i) => quota === after[i]);
        if (unchanged || waiter.attributes.dryRun) {
          waiter.settle();
          continue;
        }
        after = next;
        waiting.push(waiter);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        waiter.settle(error);
      }
    }
    return { after, waiting };
  }

  /** Undefined when all is written. */
  async #write(
    before: readonly ResourceQuota[],
    after: readonly ResourceQuota[],
  ): Promise<{ readonly names: ReadonlySet<string>; readonly error: Error } | undefined> {
    const names = new Set<string>();
    let last: Error | undefined;
    for (const [i, quota] of after.entries()) {
      if (quota === before[i]) continue;
      try {
        const written = await this.#deps.client().update(resourcequotas, quota, { subresource: 'status' });
        this.#written.set(key(quota), written);
      } catch (error) {
        if (!(error instanceof StatusError) && !(error instanceof ConnectionError)) throw error;
        names.add(quota.metadata.name);
        last = error;
      }
    }
    return last === undefined ? undefined : { names, error: last };
  }

  /** The newest that is known: what was written last may not be in the cache yet. */
  #quotas(namespace: string): readonly ResourceQuota[] {
    return [...this.#deps.reader.list(resourcequotas, namespace)].map((cached) => {
      const written = this.#written.get(key(cached));
      if (written === undefined) return cached;
      if (written.metadata.uid === cached.metadata.uid && revision(written) > revision(cached)) return written;
      this.#written.delete(key(cached));
      return cached;
    });
  }
}

const key = ({ metadata }: ResourceQuota): string => `${metadata.namespace}/${metadata.name}`;
const revision = ({ metadata }: ResourceQuota): number => Number(metadata.resourceVersion);
