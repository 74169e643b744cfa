// Certificate requests and certificates as validation reads them: PEM, DER, and the signature a request makes of itself.
// Source: certificates ParseCSR, validateCertificate; x509 CertificateRequest.CheckSignature.
import { createPublicKey, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { goQuote } from '#apimachinery/go-format.ts';

export interface PemBlock {
  readonly type: string;
  readonly headers: boolean;
  readonly der: Uint8Array;
}

const PEM_BLOCK = /-----BEGIN ([^-\n]*)-----\r?\n([\s\S]*?)-----END \1-----/g;

export function pemBlocks(text: string): readonly PemBlock[] {
  return Array.from(text.matchAll(PEM_BLOCK), ([, type = '', body = '']) => ({
    type,
    headers: body.includes(':'),
    der: Buffer.from(body.replace(/^[^\n]*:[^\n]*$/gm, ''), 'base64'),
  }));
}

const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString('latin1');

interface Element {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

class DerError extends Error {
  override readonly name = 'DerError';
}

/** The elements that follow one another in `der`. @throws DerError */
function elements(der: Uint8Array): readonly Element[] {
  const out: Element[] = [];
  for (let at = 0; at < der.length;) {
    const first = der[at + 1];
    if (first === undefined) throw new DerError('asn1: syntax error: truncated tag or length');
    const bytes = first < 0x80 ? 0 : first & 0x7f;
    if (bytes > 4 || at + 2 + bytes > der.length) throw new DerError('asn1: structure error: length too large');
    let length = bytes === 0 ? first : 0;
    for (let i = 0; i < bytes; i++) length = length * 256 + (der[at + 2 + i] as number);
    const start = at + 2 + bytes;
    if (start + length > der.length) throw new DerError('asn1: syntax error: data truncated');
    out.push({ tag: der[at] as number, whole: der.subarray(at, start + length), content: der.subarray(start, start + length) });
    at = start + length;
  }
  return out;
}

/** Digests by the DER of their signature algorithm's identifier. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '2a864886f70d01010b': 'sha256', // sha256WithRSAEncryption
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256', // ecdsa-with-SHA256
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null, // Ed25519 digests for itself
};

const BAD = "asn1: structure error: tags don't match";

/** The key that asks in a PKCS#10 request, which it signed. @throws Error, a DerError or of the crypto library */
export function requestingKey(der: Uint8Array): KeyObject {
  const [outer] = elements(der);
  const [info, algorithm, signature] = outer === undefined ? [] : elements(outer.content);
  if (info === undefined || algorithm === undefined || signature === undefined) throw new DerError(BAD);
  const key = elements(info.content)[2];
  const [oid] = elements(algorithm.content);
  if (key === undefined || oid === undefined) throw new DerError(BAD);
  const digest = DIGESTS[Buffer.from(oid.content).toString('hex')];
  if (digest === undefined) throw new DerError('x509: cannot verify signature: algorithm unimplemented');
  const publicKey = createPublicKey({ key: Buffer.from(key.whole), format: 'der', type: 'spki' });
  // The first octet of a bit string counts unused bits.
  if (!verify(digest, info.whole, publicKey, signature.content.subarray(1))) throw new DerError('x509: signature verification failed');
  return publicKey;
}

/** Why `request` (base64 of PEM) is no certificate request that its own key signed; undefined when it is one. */
export function requestProblem(request: string): string | undefined {
  const [block] = pemBlocks(decoded(request));
  if (block === undefined || block.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  try {
    requestingKey(block.der);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Why `certificate` (base64 of PEM) is no chain of certificates; undefined when it is one or empty. */
export function certificateProblem(certificate: string): string | undefined {
  if (certificate === '') return undefined;
  const blocks = pemBlocks(decoded(certificate));
  for (const { type, headers, der } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${goQuote(type)}`;
    if (headers) return 'no PEM block headers are permitted';
    if (der.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
    try {
      void new X509Certificate(der);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined;
}

/** Why `bundle` (base64 of PEM) has no authority to trust in it; undefined when it has one or is empty. Source: transport.TLSConfigFor. */
export function authoritiesProblem(bundle: string): string | undefined {
  if (bundle === '') return undefined;
  const blocks = pemBlocks(decoded(bundle)).filter(({ type, headers }) => type === 'CERTIFICATE' && !headers);
  const isCertificate = (der: Uint8Array): boolean => {
    try {
      void new X509Certificate(der);
      return true;
    } catch {
      return false;
    }
  };
  if (blocks.some(({ der }) => isCertificate(der))) return undefined;
  const why = blocks.length === 0 ? 'unable to parse bytes as PEM block' : 'failed to parse certificate: x509: malformed certificate';
  return `unable to load root certificates: ${why}`;
}

/** What keeps a PEM text from being a set of trust anchors. Source: validateTrustBundle. */
export function anchorProblems(text: string): readonly string[] {
  const entries = new Map<string, number[]>();
  const problems: string[] = [];
  pemBlocks(text).forEach((block, i) => {
    const problem = anchorProblem(block);
    if (problem !== undefined) return problems.push(`entry ${i} ${problem}`);
    const key = Buffer.from(block.der).toString('base64');
    entries.set(key, [...(entries.get(key) ?? []), i]);
  });
  if (problems.length > 0) return problems;
  if (entries.size === 0) return ['at least one trust anchor must be provided'];
  const again = [...entries.values()].filter((indices) => indices.length > 1);
  return again.map((indices) => `duplicate trust anchor (indices [${indices.join(' ')}])`);
}

function anchorProblem({ type, headers, der }: PemBlock): string | undefined {
  if (type !== 'CERTIFICATE') return `has bad block type: ${type}`;
  if (headers) return 'has PEM block headers';
  try {
    return new X509Certificate(der).ca ? undefined : 'does not have the CA bit set';
  } catch {
    return 'does not parse as X.509';
  }
}
