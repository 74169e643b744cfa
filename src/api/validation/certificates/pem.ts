// Certificate requests and certificates as validation reads them in PEM. Source: certificates ParseCSR, validateCertificate.
import { X509Certificate } from 'node:crypto';
import { goQuote } from '#apimachinery/go-format.ts';
import { requestingKey } from './signed-request.ts';

export interface PemBlock {
  readonly type: string;
  readonly headers: boolean;
  readonly der: Uint8Array;
}

const BEGIN = /-----BEGIN ([^-\n]*)-----\r?\n/g;
const END = '-----END ';

/** Whether Go's encoder could have written it. Source: base64.StdEncoding, which wants padding. */
const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

/** Blocks that end as they begin and hold base64; each character is looked at a bounded number of times, whatever the text. Source: pem.Decode. */
export function pemBlocks(pem: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let end = 0;
  let from = 0;
  for (const { 0: line, 1: type = '', index } of pem.matchAll(BEGIN)) {
    if (index < from) continue; // within the last block
    const start = index + line.length;
    if (end < start) end = pem.indexOf(END, start);
    if (end === -1) break;
    if (!pem.startsWith(`${type}-----`, end + END.length)) continue;
    const body = pem.slice(start, end);
    from = end;
    const lines = body.split('\n').filter((each) => !each.includes(':'));
    const text = lines.join('').replaceAll(/[ \t\r]/g, '');
    if (isBase64(text)) blocks.push({ type, headers: body.includes(':'), der: Buffer.from(text, 'base64') });
  }
  return blocks;
}

const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString('latin1');

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
