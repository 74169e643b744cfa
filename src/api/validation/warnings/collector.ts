// Collects what a client is told although its object is accepted.
import type { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { cidrWarnings, ipWarnings } from '#apimachinery/ip.ts';
import { quantity } from '../problems.ts';

export class Warnings {
  readonly #list: string[] = [];

  get list(): readonly string[] {
    return this.#list;
  }

  say(text: string): void {
    this.#list.push(text);
  }

  at(path: Path, text: string): void {
    this.#list.push(`${path}: ${text}`);
  }

  ip(path: Path, address: string | undefined): void {
    this.#list.push(...ipWarnings(path, address ?? ''));
  }

  cidr(path: Path, range: string): void {
    this.#list.push(...cidrWarnings(path, range));
  }

  /** An amount of bytes that is no whole number. */
  wholeBytes(path: Path, text: string | undefined): void {
    if (text === undefined) return;
    const amount = quantity(text);
    if (amount.milliValue() % 1000 !== 0)
      this.at(path, `fractional byte value ${goQuote(amount.toString())} is invalid, must be an integer`);
  }
}
