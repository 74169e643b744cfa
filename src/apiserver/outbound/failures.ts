// What went wrong on the way, in net/http's words. Pure.
import { authority } from '../kubelet/target.ts';
import { OutboundError, type Address, type OutboundCall, type OutboundFailure } from './contract.ts';

interface NodeError extends Error {
  readonly code?: string;
  readonly syscall?: string;
  readonly cert?: { readonly subjectaltname?: string; readonly subject?: { readonly CN?: string } };
}

/** Node.js codes of certificates whose issuer is not known. */
const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The server closed the connection before it said anything. */
const isClosed = ({ code, message }: NodeError): boolean => code === 'ECONNRESET' || code === 'EPIPE' || message === 'socket hang up';

/** A kept connection that its server has closed meanwhile: the next one may do. */
export const isStale = (error: Error): boolean => isClosed(error);

/** Node.js gives a connection that was closed in good order the same code, without a system call. Source: utilnet.IsConnectionReset. */
export const isReset = ({ code, syscall }: NodeError): boolean => code === 'ECONNRESET' && syscall !== undefined;

export function failureOf(kind: OutboundFailure, call: Pick<OutboundCall, 'method' | 'url'>, why: string): OutboundError {
  const method = call.method === 'POST' ? 'Post' : 'Get';
  return new OutboundError(kind, `${method} ${JSON.stringify(call.url)}: ${why}`);
}

/** @param wantedName what the certificate should have been for. Source: net/http, crypto/tls, crypto/x509 error texts. */
export function describe(error: NodeError, address: Address, wantedName: string): string {
  const peer = authority(address);
  switch (error.code ?? '') {
    case 'ABORT_ERR':
      return 'context deadline exceeded';
    case 'ECONNREFUSED':
      return `dial tcp ${peer}: connect: connection refused`;
    case 'ENETUNREACH':
      return `dial tcp ${peer}: connect: network is unreachable`;
    case 'EHOSTUNREACH':
      return `dial tcp ${peer}: connect: no route to host`;
    case 'ETIMEDOUT':
      return `dial tcp ${peer}: connect: connection timed out`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${address.host}: no such host`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return untrusted(wrongName(error, wantedName));
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return untrusted('certificate has expired or is not yet valid');
  }
  if (UNKNOWN_AUTHORITY.has(error.code ?? '')) return untrusted('certificate signed by unknown authority');
  if (error.message === 'aborted') return 'unexpected EOF'; // after the head
  return isClosed(error) ? 'EOF' : error.message;
}

const untrusted = (why: string): string => `tls: failed to verify certificate: x509: ${why}`;

function wrongName({ cert }: NodeError, wanted: string): string {
  const names = [...(cert?.subjectaltname ?? '').matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(([, name]) => name);
  if (names.length === 0) return `certificate is not valid for any names, but wanted to match ${wanted}`;
  return `certificate is valid for ${names.join(', ')}, not ${wanted}`;
}
