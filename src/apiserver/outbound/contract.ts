// HTTPS calls that the API server itself makes: admission, conversion, token and authorization webhooks, aggregated servers.
import type { IncomingHttpHeaders } from 'node:http';

/** A port of a Service. Source: admissionregistration ServiceReference. */
export interface ServicePortRef {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where the backend of a Service is. */
export interface ServiceResolver {
  /** One address, chosen anew for each call. @throws StatusError when there is none */
  resolve(service: ServicePortRef): Address;
}

/** Whom to trust and what to show. PEM texts. */
export interface Trust {
  /** Issuers of the server's certificate; absent: those that Node.js trusts. */
  readonly ca?: string;
  /** Name the certificate must have; absent: the host. */
  readonly serverName?: string;
  readonly insecureSkipVerify?: boolean;
  readonly client?: { readonly certificate: string; readonly key: string };
}

export interface OutboundCall {
  readonly method: 'GET' | 'POST';
  /** Where the connection goes. */
  readonly address: Address;
  /** `https://name.namespace.svc:443/path?timeout=10s`: its path is asked for, its authority is the Host, errors name it. */
  readonly url: string;
  readonly trust: Trust;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** Milliseconds for everything from the connection to the last byte. */
  readonly timeoutMs: number;
  /** Most bytes taken of the answer; default 16 MiB. */
  readonly maxBytes?: number;
  /** Ends the call early. */
  readonly signal: AbortSignal;
}

export interface OutboundAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * `canceled`: the caller's signal. `timeout`: its time. `failed`: no connection, no trust, or no whole answer. `reset`: the
 * connection was reset by the server or something on the way, which may pass.
 */
export type OutboundFailure = 'canceled' | 'timeout' | 'failed' | 'reset';

/** The call had no answer. The message is what net/http says: `Post "https://…": context deadline exceeded`. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly kind: OutboundFailure;

  constructor(kind: OutboundFailure, message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Connections are kept and shared by calls to the same address with the same trust. Redirects are not followed.
 * Many callers, one bound: connections for each address and in all, bytes of an answer, time.
 */
export interface Outbound {
  /** Any HTTP status is an answer. @throws OutboundError */
  call(call: OutboundCall): Promise<OutboundAnswer>;
  close(): void;
}
