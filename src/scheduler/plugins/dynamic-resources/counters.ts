// pure
// Devices that share what they are made of, such as partitions of one card, and how much of it is left. Source: structured
// checkAvailableCounters.
import { parseQuantity, Quantity } from '#apimachinery/quantity.ts';
import type { DeviceId, Pool, PublishedDevice } from './pools.ts';

/** Invariant: of no counter is more taken than there is, but for what allocated devices took before. */
export class Counters {
  /** By pool, then set and counter. */
  readonly #left = new Map<string, Map<string, Quantity>>();
  readonly #isAllocated: (id: DeviceId) => boolean;

  constructor(isAllocated: (id: DeviceId) => boolean) {
    this.#isAllocated = isAllocated;
  }

  /** Whether there is enough; if so it is taken. */
  take(pool: Pool, { device }: PublishedDevice): boolean {
    if ((device.consumesCounters ?? []).length === 0) return true;
    const left = this.#leftIn(pool);
    const wanted = consumption(device);
    if (wanted.some(([counter, amount]) => (left.get(counter) ?? NONE).cmp(amount) < 0)) return false;
    for (const [counter, amount] of wanted) left.set(counter, (left.get(counter) ?? NONE).sub(amount));
    return true;
  }

  giveBack(pool: Pool, { device }: PublishedDevice): void {
    if ((device.consumesCounters ?? []).length === 0) return;
    const left = this.#leftIn(pool);
    for (const [counter, amount] of consumption(device)) left.set(counter, (left.get(counter) ?? NONE).add(amount));
  }

  #leftIn(pool: Pool): Map<string, Quantity> {
    const known = this.#left.get(pool.id);
    if (known !== undefined) return known;
    const left = new Map<string, Quantity>();
    for (const { name: set, counters } of pool.counterSets) {
      for (const [name, { value }] of Object.entries(counters)) left.set(`${set}/${name}`, parseQuantity(value));
    }
    for (const { id, device } of [...pool.devices, ...pool.otherDevices]) {
      if (!this.#isAllocated(id)) continue;
      for (const [counter, amount] of consumption(device)) left.set(counter, (left.get(counter) ?? NONE).sub(amount));
    }
    this.#left.set(pool.id, left);
    return left;
  }
}

const NONE = Quantity.of(0);

function consumption({ consumesCounters = [] }: PublishedDevice['device']): readonly (readonly [counter: string, amount: Quantity])[] {
  return consumesCounters.flatMap(({ counterSet, counters }) =>
    Object.entries(counters).map(([name, { value }]) => [`${counterSet}/${name}`, parseQuantity(value)] as const),
  );
}
