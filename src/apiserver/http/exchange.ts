// One HTTP request and its answer, the same for HTTP/1.1 and HTTP/2. Everything above this file is independent of the version.
import type { X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Upgrade } from '#base/websocket.ts';

/** Header names in lower case; several values of one name as a list. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[]>>;

export interface Exchange {
  readonly method: string;
  /** As sent: percent-encoded, without the query. */
  readonly rawPath: string;
  /** Without the question mark; empty for none. */
  readonly rawQuery: string;
  /** `1.1` or `2`. */
  readonly httpVersion: string;
  readonly remoteAddress: string;
  /** Verified against the client CA when the connection was made. */
  readonly clientCertificate: X509Certificate | undefined;
  /** By lower-case name; several values joined with `, `. */
  header(name: string): string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, in the order sent. */
  readonly rawHeaders: readonly string[];
  /** The client is gone, or the answer has been given. */
  readonly closed: boolean;
  onClose(handler: () => void): void;
  /**
   * The whole body, read once.
   * @throws StatusError RequestEntityTooLarge beyond `limit` bytes; ClientGoneError when the client breaks off
   */
  readBody(limit: number): Promise<Buffer>;
  /** The body as it arrives, for what is passed on to another server. */
  readonly bodyStream: NodeJS.ReadableStream;
  /** The whole answer. Does nothing when an answer was begun before. */
  respond(status: number, headers: ResponseHeaders, body?: Uint8Array): void;
  /** Begins an answer of unknown length; undefined when an answer was begun before. */
  stream(status: number, headers: ResponseHeaders): ResponseStream | undefined;
  readonly responded: boolean;
  /** Of the answer's body, so far; before compression. */
  readonly sentBytes: number;
  /** Ends it without an answer, so that the client notices. */
  abort(): void;
  /** For a request to upgrade: the connection itself. An `Upgrade` then speaks for itself, below HTTP. */
  readonly upgrade: Upgrade | undefined;
}

/** A bounded way out: `write` says whether there is room for more. */
export interface ResponseStream {
  /**
   * False: wait for `drained` before writing more. Bytes given are sent in any case; `sent` is called when they were and the
   * chunk may be written over. It is not called for a client that is gone.
   */
  write(chunk: Uint8Array, sent?: () => void): boolean;
  /** Bytes accepted and not yet handed to the connection. */
  readonly buffered: number;
  drained(): Promise<void>;
  end(): void;
  /** Breaks the answer off so that the client notices: it is incomplete. */
  abort(): void;
}

/** The client closed or reset its request: nobody is left to answer. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';
}

/** For `write` of a Node.js stream. What was given to one that failed may still be read by the connection below it. */
export const unlessFailed =
  (sent: () => void) =>
  (error?: Error | null): void => {
    if (error === undefined || error === null) sent();
  };
