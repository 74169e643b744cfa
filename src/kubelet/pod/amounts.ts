// pure
// Quantities as plain numbers: millicores, bytes, counts; and back in the form the API shows them.
import { parseQuantity, Quantity } from '#apimachinery/quantity.ts';

/** Thousandths, rounded up; 0 when absent. Source: Quantity.MilliValue. */
export function milliOf(quantity: string | undefined): number {
  return quantity === undefined ? 0 : parseQuantity(quantity).milliValue();
}

/** Whole units, rounded up; 0 when absent. Source: Quantity.Value. */
export function valueOf(quantity: string | undefined): number {
  return quantity === undefined ? 0 : parseQuantity(quantity).value();
}

/** `1500` millicores as `1500m`, `2000` as `2`. */
export function formatMilli(milli: number): string {
  return Quantity.milli(milli).toString();
}

/** Bytes with the largest binary suffix that loses nothing. */
export function formatBytes(bytes: number): string {
  return Quantity.of(bytes, 'BinarySI').toString();
}
