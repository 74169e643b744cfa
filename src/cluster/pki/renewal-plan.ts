// pure
// Decides whether a certificate on disk still serves.
import { formatIp, parseIp } from '#apimachinery/ip.ts';
import type { CertificateRequest } from './certificate.ts';

/** What is on disk. */
export interface Current {
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** One `KEY=value` a line, as Node prints it. */
  readonly subject: string;
  /** `DNS:name` and `IP Address:1.2.3.4`, as Node prints them. */
  readonly names: readonly string[];
  /** Signed by the present authority. */
  readonly fromIssuer: boolean;
}

/** Why an authority, which nothing can replace, vouches for nobody now: one line, with the way out; undefined when it does. */
export function authorityProblem(
  file: string,
  { notBefore, notAfter }: Pick<Current, 'notBefore' | 'notAfter'>,
  now: number,
): string | undefined {
  const [at, from, to] = [now, notBefore, notAfter].map((time) => new Date(time).toISOString());
  if (notBefore > now)
    return `the cluster's authority ${file} is valid from ${from}, but this machine's clock says ${at}: set the clock right and start again`;
  if (notAfter <= now)
    return `the cluster's authority ${file} ended at ${to}, and this machine's clock says ${at}: set the clock right and start again, or start anew with proa reset`;
  return undefined;
}

/** Node prints an IPv6 address in full and in upper case. */
function canonical(name: string): string {
  const ip = name.startsWith(IP) ? parseIp(name.slice(IP.length)) : undefined;
  return ip === undefined ? name : IP + formatIp(ip);
}

const IP = 'IP Address:';

export type LeafDecision =
  | { readonly kind: 'keep' }
  | {
      readonly kind: 'issue';
      readonly why: 'missing' | 'not valid yet' | 'near its end' | 'another issuer' | 'another subject' | 'names are missing';
    };

/** Renewed when less than this part of its life is left: months before a yearly certificate ends. */
const RENEW_BELOW = 1 / 3;

export function leafDecision(current: Current | undefined, request: CertificateRequest, now: number): LeafDecision {
  if (current === undefined) return { kind: 'issue', why: 'missing' };
  if (current.notBefore > now) return { kind: 'issue', why: 'not valid yet' };
  if (current.notAfter - now < (current.notAfter - current.notBefore) * RENEW_BELOW) return { kind: 'issue', why: 'near its end' };
  if (!current.fromIssuer) return { kind: 'issue', why: 'another issuer' };
  const subject = [...(request.organizations ?? []).map((o) => `O=${o}`), `CN=${request.commonName}`].join('\n');
  if (current.subject !== subject) return { kind: 'issue', why: 'another subject' };
  const present = new Set(current.names.map(canonical));
  const wanted = [
    ...(request.dnsNames ?? []).map((name) => `DNS:${name}`),
    ...(request.ipAddresses ?? []).map((address) => `IP Address:${address}`),
  ].map(canonical);
  return wanted.every((name) => present.has(name)) ? { kind: 'keep' } : { kind: 'issue', why: 'names are missing' };
}
