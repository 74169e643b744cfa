// Where a request is passed on to.
import type { SecureContextOptions } from 'node:tls';

export interface Target {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** With the query, percent-encoded. */
  readonly path: string;
  /** Of https: whom to trust and what to show. */
  readonly tls: SecureContextOptions & { readonly rejectUnauthorized?: boolean; readonly servername?: string };
  /** Sent beside those of the client: who it is, for a server that trusts this one. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** `host:port`, an IPv6 address in brackets. */
export const authority = ({ host, port }: Pick<Target, 'host' | 'port'>): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
