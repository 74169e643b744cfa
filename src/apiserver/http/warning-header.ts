// pure
// What a client is warned of, as values of the header `Warning`.

/** Source: unicode.IsControl. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Texts with control characters are left out. Source: apimachinery util/net NewWarningHeader. */
export function warningHeaders(texts: readonly string[]): readonly string[] {
  return texts.filter((text) => !CONTROL.test(text)).map((text) => `299 - "${asBytes(text.replaceAll(/["\\]/g, String.raw`\$&`))}"`);
}

/** Headers carry bytes, one a character: those of UTF-8, as Go writes them. */
const asBytes = (text: string): string => Buffer.from(text).toString('latin1');
