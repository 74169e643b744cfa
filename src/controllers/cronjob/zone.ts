// pure
// Wall clocks of time zones, by the data base of Intl. Source: Go's time.Date, whose choice at gaps and overlaps is kept.

/** As a wall clock shows it; `month` is 1 to 12, `weekday` 0 for Sunday. */
export interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly weekday: number;
}

const MINUTE_MS = 60_000;
/** Offsets change at no finer step. */
const QUARTER_MS = 15 * MINUTE_MS;

/** As many as the data base has names, at most. */
const zones = new Map<string | undefined, Zone>();

export class Zone {
  readonly #format: Intl.DateTimeFormat;
  #known: { readonly quarter: number; readonly offset: number } | undefined;

  /** By its name in the data base; the machine's own zone when absent. @throws RangeError for an unknown name */
  static named(name?: string): Zone {
    const known = zones.get(name) ?? new Zone(name);
    zones.set(name, known);
    return known;
  }

  private constructor(name: string | undefined) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...(name === undefined ? {} : { timeZone: name }),
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** Milliseconds to add to UTC at the instant `ms`. */
  offsetAt(ms: number): number {
    const quarter = Math.floor(ms / QUARTER_MS);
    if (this.#known?.quarter === quarter) return this.#known.offset;
    const whole = quarter * QUARTER_MS;
    const part: Partial<Record<string, number>> = {};
    for (const { type, value } of this.#format.formatToParts(whole)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    const offset = Date.UTC(year, month - 1, day, hour, minute, second) - whole;
    this.#known = { quarter, offset };
    return offset;
  }

  wallTime(ms: number): WallTime {
    const shown = new Date(ms + this.offsetAt(ms));
    return {
      year: shown.getUTCFullYear(),
      month: shown.getUTCMonth() + 1,
      day: shown.getUTCDate(),
      hour: shown.getUTCHours(),
      minute: shown.getUTCMinutes(),
      second: shown.getUTCSeconds(),
      weekday: shown.getUTCDay(),
    };
  }

  /** The instant at which the wall clock shows this; parts beyond their range carry over. */
  instant(year: number, month: number, day: number, hour = 0): number {
    const shown = Date.UTC(year, month - 1, day, hour);
    return shown - this.offsetAt(shown - this.offsetAt(shown));
  }

  /** `2026-01-01T09:00:00+09:00`. */
  format(ms: number): string {
    const offset = this.offsetAt(ms) / MINUTE_MS;
    const text = new Date(ms + offset * MINUTE_MS).toISOString().slice(0, -5);
    if (offset === 0) return `${text}Z`;
    const [hours, minutes] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60].map((n) => String(n).padStart(2, '0'));
    return `${text}${offset < 0 ? '-' : '+'}${hours}:${minutes}`;
  }
}
