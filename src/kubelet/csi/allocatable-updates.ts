// Asks drivers again, as often as their CSIDrivers say, how many volumes this node may have. Source: pkg/volume/csi
// csi_node_updater.go.
import { csidrivers } from '#api/resources.ts';
import type { CSIDriver } from '#api/gen/storage-v1.ts';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { InformerFactory } from '#client/informer-contract.ts';

interface Timer {
  readonly seconds: number;
  readonly cancel: CancelTimer;
}

export class AllocatableUpdates {
  readonly #clock: Clock;
  readonly #refresh: (driver: string) => void;
  readonly #timers = new Map<string, Timer>();

  constructor(informers: InformerFactory, clock: Clock, refresh: (driver: string) => void) {
    this.#clock = clock;
    this.#refresh = refresh;
    informers.informer(csidrivers).addHandlers({
      added: (driver) => this.#follow(driver),
      updated: (driver) => this.#follow(driver),
      deleted: ({ metadata }) => this.#end(metadata.name),
    });
  }

  stop(): void {
    for (const name of [...this.#timers.keys()]) this.#end(name);
  }

  #follow({ metadata: { name }, spec }: CSIDriver): void {
    const seconds = Number(spec.nodeAllocatableUpdatePeriodSeconds ?? 0);
    if (this.#timers.get(name)?.seconds === seconds) return;
    this.#end(name);
    if (seconds > 0) this.#arm(name, seconds);
  }

  #arm(name: string, seconds: number): void {
    const cancel = this.#clock.after(seconds * 1000, () => {
      this.#arm(name, seconds);
      this.#refresh(name);
    });
    this.#timers.set(name, { seconds, cancel });
  }

  #end(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }
}
