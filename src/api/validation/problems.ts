// Collects what is wrong with an object while it is walked.
import * as field from '#apimachinery/field-errors.ts';
import type { FieldError } from '#apimachinery/field-errors.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { percent } from '#apimachinery/names.ts';
import { parseQuantity, type Quantity } from '#apimachinery/quantity.ts';

/** Source: apimachinery validation IsNegativeErrorMsg. */
export const NEGATIVE = 'must be greater than or equal to 0';
/** Source: core validation isNotPositiveErrorMsg. */
const NOT_POSITIVE = 'must be greater than zero';

/** Absent, or present without content: Go's zero string. */
export const blank = (value: string | undefined): value is undefined | '' => value === undefined || value === '';

/** What a server lets objects ask for, whoever writes them. Source: pkg/capabilities. */
export interface Capabilities {
  /** Privileged containers. */
  readonly privileged: boolean;
}

const ALL_CAPABILITIES: Capabilities = { privileged: true };

export class Problems {
  readonly #list: FieldError[] = [];
  readonly capabilities: Capabilities;

  constructor(capabilities = ALL_CAPABILITIES) {
    this.capabilities = capabilities;
  }

  get list(): readonly FieldError[] {
    return this.#list;
  }

  get none(): boolean {
    return this.#list.length === 0;
  }

  add(errors: readonly FieldError[]): void {
    for (const error of errors) this.#list.push(error);
  }

  required(at: Path, detail = ''): void {
    this.#list.push(field.required(at, detail));
  }

  invalid(at: Path, value: unknown, detail: string): void {
    this.#list.push(field.invalid(at, value, detail));
  }

  forbidden(at: Path | string, detail: string): void {
    this.#list.push(field.forbidden(at, detail));
  }

  notSupported(at: Path, value: unknown, supported: readonly string[]): void {
    this.#list.push(field.notSupported(at, value, supported));
  }

  duplicate(at: Path, value: unknown): void {
    this.#list.push(field.duplicate(at, value));
  }

  notFound(at: Path, value: unknown): void {
    this.#list.push(field.notFound(at, value));
  }

  /** `max` in bytes. */
  tooLong(at: Path | string, max: number): void {
    this.#list.push(field.tooLong(at, max));
  }

  tooMany(at: Path, actual: number, max: number): void {
    this.#list.push(field.tooMany(at, actual, max));
  }

  internal(at: Path, detail: string): void {
    this.#list.push(field.internal(at, detail));
  }

  /** `value` is invalid for each of `reasons`: what a name check answered. */
  each(at: Path, value: unknown, reasons: readonly string[]): void {
    for (const reason of reasons) this.invalid(at, value, reason);
  }

  /** Source: ValidateNonnegativeField. Absent is zero. */
  nonNegative(at: Path, value: number | bigint | undefined): void {
    if (value !== undefined && value < 0) this.invalid(at, value, NEGATIVE);
  }

  /** Source: ValidatePositiveField. */
  positive(at: Path, value: number | bigint | undefined): void {
    if ((value ?? 0) <= 0) this.invalid(at, value ?? 0, NOT_POSITIVE);
  }

  /** Source: ValidateNonnegativeQuantity. */
  nonNegativeQuantity(at: Path, value: Quantity): void {
    if (value.sign() < 0) this.invalid(at, value.toString(), NEGATIVE);
  }

  /** Source: ValidatePositiveQuantityValue. */
  positiveQuantity(at: Path, value: Quantity): void {
    if (value.sign() <= 0) this.invalid(at, value.toString(), NOT_POSITIVE);
  }

  /** One of `supported`, which are printed in the given order. Absent counts as empty. */
  oneOf(at: Path, value: string | undefined, supported: readonly string[]): void {
    if (!supported.includes(value ?? '')) this.notSupported(at, value ?? '', supported);
  }

  /** As oneOf; empty is a missing value. */
  requiredOneOf(at: Path, value: string | undefined, supported: readonly string[]): void {
    if (blank(value)) this.required(at);
    else this.oneOf(at, value, supported);
  }

  /** A member that an update changed though it may not. Source: ValidateImmutableField. */
  immutable(at: Path, value: unknown, same: boolean): void {
    if (!same) this.#list.push(field.immutable(at, value ?? null));
  }

  /** 0 or more, or a percentage. Source: ValidatePositiveIntOrPercent. */
  intOrPercent(at: Path, value: number | string): void {
    if (typeof value === 'string') this.each(at, value, percent(value));
    else this.nonNegative(at, value);
  }
}

/** A stored quantity; the decoder made sure it is one. */
export const quantity = (text: string | undefined): Quantity => parseQuantity(text ?? '0');

/** Members of an optional map. */
export const entries = <T>(map: Readonly<Record<string, T>> | undefined): readonly (readonly [string, T])[] =>
  map === undefined ? [] : Object.entries(map);
