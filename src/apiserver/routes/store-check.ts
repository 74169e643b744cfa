// Whether the store answers. Source: apiserver pkg/storage/storagebackend/factory newETCD3Check, etcd3ProberMonitor.Probe.
import { wait, type Clock } from '#base/clock.ts';
import type { Store } from '#store/contract.ts';
import type { HealthCheck } from './health.ts';

/** Source: DefaultHealthcheckTimeout, DefaultReadinessTimeout. Milliseconds. */
const TIMEOUT_MS = 2_000;
/** Read in vain: any answer will do. Source: Probe. */
const KEY = '/registry/health';

/** As storeCheck, and fails while the disk takes no writes: who has another server to ask had better ask that one. */
export function storeReadiness(store: Pick<Store, 'range' | 'writeFault'>, clock: Clock): HealthCheck {
  const { name, check } = storeCheck('etcd-readiness', store, clock);
  const cannotWrite = (): string | undefined =>
    store.writeFault === undefined ? undefined : `the store cannot write: ${store.writeFault}`;
  return { name, check: async () => (await check()) ?? cannotWrite() };
}

/**
 * Fails when the store refuses a read or takes longer than two seconds. Those who ask meanwhile share one read, so that a store
 * that hangs is not asked ever more.
 */
export function storeCheck(name: 'etcd' | 'etcd-readiness', store: Pick<Store, 'range'>, clock: Clock): HealthCheck {
  let reading: Promise<string | undefined> | undefined;
  const read = async (): Promise<string | undefined> => {
    try {
      await store.range({ start: KEY, keysOnly: true });
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      reading = undefined;
    }
  };
  return {
    name,
    async check() {
      const patience = new AbortController();
      const late = wait(clock, TIMEOUT_MS, patience.signal).then(
        () => `the store has not answered for ${TIMEOUT_MS} ms`,
        () => undefined, // answered
      );
      try {
        return await Promise.race([(reading ??= read()), late]);
      } finally {
        patience.abort();
      }
    },
  };
}
