// pure
// Values of settings, read from text.
import { DurationError, parseDuration } from '#apimachinery/duration.ts';
import { labelValue, qualifiedName } from '#apimachinery/names.ts';

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
export const bad = <T>(why: string): Parsed<T> => ({ ok: false, why });

export const path = (text: string): Parsed<string> => (text.startsWith('/') ? ok(text) : bad('is not an absolute path'));
/** A path, or empty for none. */
export const optionalPath = (text: string): Parsed<string> => (text === '' ? ok(text) : path(text));
export const boolean = (text: string): Parsed<boolean> =>
  text === 'true' || text === 'false' ? ok(text === 'true') : bad('is neither true nor false');
/** @param least smallest number that will do */
export const wholeNumber =
  (least: number) =>
  (text: string): Parsed<number> =>
    /^-?\d{1,15}$/.test(text) && Number(text) >= least ? ok(Number(text)) : bad(`is not a whole number of at least ${least}`);
export const positiveNumber = (text: string): Parsed<number> =>
  /^\d{1,15}(\.\d{1,9})?$/.test(text) && Number(text) > 0 ? ok(Number(text)) : bad('is not a positive number');
/** Milliseconds of `90s`, `1h30m`. */
export function duration(text: string): Parsed<number> {
  try {
    return ok(parseDuration(text));
  } catch (error) {
    if (error instanceof DurationError) return bad('is not a duration such as 90s or 1h30m');
    throw error;
  }
}

/** Values by comma. */
export const list = (text: string): Parsed<readonly string[]> => ok(text.split(',').filter((one) => one !== ''));

/** Labels by comma: `key=value`. */
export function labelList(text: string): Parsed<readonly string[]> {
  const labels = text.split(',').filter((one) => one !== '');
  for (const label of labels) {
    const [key = '', value] = splitLabel(label);
    const faults = value === undefined ? ['it has no ='] : [...qualifiedName(key), ...labelValue(value)];
    if (faults.length > 0) return bad(`has ${JSON.stringify(label)}, which is no label: ${faults.join('; ')}`);
  }
  return ok(labels);
}

const splitLabel = (label: string): readonly string[] => {
  const at = label.indexOf('=');
  return at === -1 ? [label] : [label.slice(0, at), label.slice(at + 1)];
};

/** By key, of what `labelList` let through. */
export const labelsOf = (list: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(list.map((label) => splitLabel(label) as readonly [string, string]));

export const port = (text: string): Parsed<number> =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535 ? ok(Number(text)) : bad('is not a port from 1 to 65535');

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
export const isDnsName = (text: string): boolean => DNS_SUBDOMAIN.test(text) && text.length <= 253;
export const domain = (text: string): Parsed<string> => (isDnsName(text) ? ok(text) : bad('is not a lower-case DNS name'));

export const webhookVersion = (text: string): Parsed<'v1' | 'v1beta1'> =>
  text === 'v1' || text === 'v1beta1' ? ok(text) : bad('is neither v1 nor v1beta1');
