// pure
// The flags a component was given, and their reading.
import { DurationError, parseDuration } from '#apimachinery/duration.ts';
import { CommandError } from '../commands/command-error.ts';
import type { Parsed } from '../settings/value.ts';
import { type ComponentFlag, type ComponentName, COMPONENTS } from './component-flags.ts';

export type FlagValues = Readonly<Record<string, string | undefined>>;

/** Values of one component's flags, with what is required there and what is not set at its default. */
export class Flags {
  readonly #values: FlagValues;

  /** `given` is by flag name. @throws CommandError naming every flag that is missing */
  constructor(component: ComponentName, given: FlagValues) {
    const flags: readonly ComponentFlag[] = COMPONENTS[component].flags;
    const missing = flags.filter(({ name, required }) => required === true && given[name] === undefined);
    if (missing.length > 0)
      throw new CommandError(`${component} needs ${missing.map(({ name, argument }) => `--${name} ${argument}`).join(', ')}`);
    this.#values = Object.fromEntries(flags.map(({ name, fallback }) => [name, given[name] ?? fallback]));
  }

  /** Of a flag that is required or has a default. */
  text(name: string): string {
    return this.#values[name] ?? '';
  }

  /** Every flag that has a value, as `/flagz` tells them. */
  all(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(this.#values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    );
  }

  optional(name: string): string | undefined {
    return this.#values[name];
  }

  /** As `parse` reads it. @throws CommandError */
  parsed<T>(name: string, parse: (text: string) => Parsed<T>): T {
    const read = parse(this.text(name));
    if (!read.ok) throw new CommandError(`--${name} ${read.why}`);
    return read.value;
  }

  /** @throws CommandError */
  number(name: string): number {
    const text = this.text(name);
    if (!/^\d{1,9}$/.test(text)) throw new CommandError(`--${name} ${text} is no number`);
    return Number(text);
  }

  /** Milliseconds; more than none. @throws CommandError */
  duration(name: string): number {
    const text = this.text(name);
    try {
      const ms = parseDuration(text);
      if (ms > 0) return ms;
    } catch (error) {
      if (!(error instanceof DurationError)) throw error;
    }
    throw new CommandError(`--${name} ${text} is no time such as 15s`);
  }

  /** @throws CommandError */
  isSet(name: string): boolean {
    const text = this.text(name);
    if (text !== 'true' && text !== 'false') throw new CommandError(`--${name} ${text} is neither true nor false`);
    return text === 'true';
  }

  /** @throws CommandError */
  logLevel(): 'debug' | 'info' | 'warn' | 'error' {
    const text = this.text('log-level');
    if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text;
    throw new CommandError(`--log-level ${text} is not debug, info, warn or error`);
  }
}
