// How many seats a priority level could use, watched over a period. Source: fairqueuing integrator.go, seatDemandStats.update.

/** So that half of what a peak left is gone after five minutes of ten-second periods. Source: seatDemandSmoothingCoefficient. */
const SMOOTHING = 0.977;

export interface DemandStats {
  readonly highWatermark: number;
  readonly average: number;
  readonly deviation: number;
  readonly smoothed: number;
}

export class DemandMeter {
  #since: number;
  #time = 0;
  #sum = 0;
  #squares = 0;
  #current = 0;
  #highest = 0;
  #stats: DemandStats = { highWatermark: 0, average: 0, deviation: 0, smoothed: 0 };

  /** @param now monotonic, milliseconds; so are all below */
  constructor(now: number) {
    this.#since = now;
  }

  set(seats: number, now: number): void {
    const passed = now - this.#since;
    if (passed > 0) {
      this.#time += passed;
      this.#sum += passed * this.#current;
      this.#squares += passed * this.#current * this.#current;
      this.#since = now;
    }
    this.#current = seats;
    if (seats > this.#highest) this.#highest = seats;
  }

  /** Of the last whole period. */
  get stats(): DemandStats {
    return this.#stats;
  }

  /** Ends a period. */
  period(now: number): DemandStats {
    this.set(this.#current, now);
    const average = this.#time === 0 ? 0 : this.#sum / this.#time;
    const deviation = this.#time === 0 ? 0 : Math.sqrt(Math.max(0, this.#squares / this.#time - average * average));
    const envelope = average + deviation;
    const smoothed = Math.max(envelope, SMOOTHING * this.#stats.smoothed + (1 - SMOOTHING) * envelope);
    this.#stats = { highWatermark: this.#highest, average, deviation, smoothed };
    [this.#time, this.#sum, this.#squares, this.#highest] = [0, 0, 0, this.#current];
    return this.#stats;
  }
}
