// pure
// What a refusal shows of a body nobody can read. Source: apiserver endpoints/handlers summarizeData.

/** Bytes shown. */
const MAX_LENGTH = 30;

/** The beginning: as text where it looks like JSON, else in hexadecimal. */
export function summaryOf(body: Uint8Array): string {
  if (body.length === 0) return '<empty>';
  const bytes = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, MAX_LENGTH));
  const shown = bytes.toString(bytes[0] === 0x7b ? 'utf8' : 'hex');
  return body.length > MAX_LENGTH ? `${shown} ...` : shown;
}
