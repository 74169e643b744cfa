// Where a request is passed on to.
import type { SecureContextOptions } from 'node:tls';

export interface Target {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** With the query, percent-encoded. */
  readonly path: string;
  /** What the server is asked for under, its `Host` header; the address where absent. */
  readonly askedFor?: string;
  /** Of https: whom to trust and what to show. */
  readonly tls: SecureContextOptions & { readonly rejectUnauthorized?: boolean; readonly servername?: string };
  /** Sent beside those of the client: who it is, for a server that trusts this one. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Silent for so many milliseconds, the other side is asked by the kernel whether it is there. Source: net.Dialer KeepAlive. */
export const KEEP_ALIVE_MS = 15_000;

/** The `Host` header of a request to this target. */
export const hostHeader = (target: Target): string => target.askedFor ?? authority(target);

/** `host:port`, an IPv6 address in brackets. */
export const authority = ({ host, port }: Pick<Target, 'host' | 'port'>): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
