// Names of events. Source: client-go tools/internal/events GenerateEventName.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { dns1123Subdomain } from '#apimachinery/names.ts';

export class EventNames {
  readonly #clock: Clock;
  readonly #ids: Ids;
  #lastNanos = 0n;

  constructor({ clock, ids }: { readonly clock: Clock; readonly ids: Ids }) {
    this.#clock = clock;
    this.#ids = ids;
  }

  /** `web-1.17f2c9a1b3d4e5f6`: the subject and the time in nanoseconds, never twice the same. */
  of(subject: string): string {
    const now = BigInt(Math.floor(this.#clock.now())) * 1_000_000n;
    this.#lastNanos = now > this.#lastNanos ? now : this.#lastNanos + 1n;
    const name = `${subject}.${this.#lastNanos.toString(16)}`;
    return dns1123Subdomain(name).length === 0 ? name : this.#ids.uuid();
  }
}
