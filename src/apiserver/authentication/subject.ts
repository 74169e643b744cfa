// The subject of a certificate, read from its DER. Node prints subjects as text, which is ambiguous for unusual values.
// Source: crypto/x509/pkix Name.FillFromRDNSequence.

/** One attribute of a distinguished name, in the order of the certificate. */
export interface SubjectAttribute {
  /** Dotted: `2.5.4.3`. */
  readonly oid: string;
  /** Undefined for a value that is no string. */
  readonly value: string | undefined;
}

export const COMMON_NAME = '2.5.4.3';
export const ORGANIZATION = '2.5.4.10';

/** Values of one attribute, in the order of the certificate. */
export const subjectStrings = (subject: readonly SubjectAttribute[], oid: string): readonly string[] =>
  subject.flatMap((attribute) => (attribute.oid === oid && attribute.value !== undefined ? [attribute.value] : []));

/** The bytes are no certificate. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

const SEQUENCE = 0x30;
const SET = 0x31;
const OBJECT_IDENTIFIER = 0x06;
/** `[0] EXPLICIT`, around the version. */
const VERSION = 0xa0;

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** @param der the whole certificate @throws DerError */
export function certificateSubject(der: Uint8Array): readonly SubjectAttribute[] {
  const certificate = one(der, SEQUENCE);
  const [body] = elements(certificate);
  if (body === undefined || body.tag !== SEQUENCE) throw new DerError('no certificate body');
  const fields = elements(body.content);
  // version?, serialNumber, signature, issuer, validity, subject
  return readName(fields[fields[0]?.tag === VERSION ? 5 : 4]);
}

function readName(subject: Element | undefined): readonly SubjectAttribute[] {
  if (subject === undefined || subject.tag !== SEQUENCE) throw new DerError('no subject');
  return elements(subject.content).flatMap((set) => {
    if (set.tag !== SET) throw new DerError('malformed subject');
    return elements(set.content).map(attribute);
  });
}

/** @param pem a PKCS#10 request @throws DerError */
export function certificateRequestSubject(pem: string): readonly SubjectAttribute[] {
  const base64 = /-----BEGIN CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE REQUEST-----/.exec(pem)?.[1];
  if (base64 === undefined) throw new DerError('PEM block type must be CERTIFICATE REQUEST');
  const [body] = elements(one(Buffer.from(base64, 'base64'), SEQUENCE));
  if (body === undefined || body.tag !== SEQUENCE) throw new DerError('no certificate request body');
  // version, subject
  return readName(elements(body.content)[1]);
}

function attribute({ tag, content }: Element): SubjectAttribute {
  const [type, value] = elements(content);
  if (tag !== SEQUENCE || type?.tag !== OBJECT_IDENTIFIER || value === undefined) throw new DerError('malformed attribute');
  return { oid: objectIdentifier(type.content), value: text(value) };
}

/** Source: asn1.parseField's string kinds. */
function text({ tag, content }: Element): string | undefined {
  switch (tag) {
    case 12: // UTF8String
      return Buffer.from(content).toString('utf8');
    case 18: // NumericString
    case 19: // PrintableString
    case 20: // T61String
    case 22: // IA5String
      return Buffer.from(content).toString('latin1');
    case 30: // BMPString: UTF-16, big endian
      return Buffer.from(content.subarray(0, content.length & ~1))
        .swap16()
        .toString('utf16le');
    default:
      return undefined;
  }
}

function objectIdentifier(bytes: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of bytes) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      arcs.push(first, value - first * 40);
    } else arcs.push(value);
    value = 0;
  }
  return arcs.join('.');
}

function one(bytes: Uint8Array, tag: number): Uint8Array {
  const [element] = elements(bytes);
  if (element === undefined || element.tag !== tag) throw new DerError('unexpected element');
  return element.content;
}

function elements(bytes: Uint8Array): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] as number;
    let length = bytes[at + 1] ?? -1;
    let start = at + 2;
    if (length > 0x80 && length <= 0x84) {
      const width = length & 0x7f;
      length = 0;
      for (let i = 0; i < width; i++) length = length * 256 + (bytes[start + i] ?? NaN);
      start += width;
    }
    const end = start + length;
    if (!(length >= 0) || end > bytes.length) throw new DerError('element does not fit');
    found.push({ tag, content: bytes.subarray(start, end) });
    at = end;
  }
  return found;
}
