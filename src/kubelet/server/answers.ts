// Answers of the server: whole ones, refusals, and those to a request that asked for an upgrade.
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { CriError } from '#cri/errors.ts';

/** An answer that is not what was asked for. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** HTTP status. */
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}

/** Seconds. Source: cri-streaming WriteError. */
const RETRY_AFTER = '5';

/** Source: cri-streaming WriteError; other errors are the kubelet's own. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof CriError) {
    if (error.code === 'NotFound') return new Refusal(404, error.message);
    if (error.code === 'ResourceExhausted') return new Refusal(429, error.message, { 'Retry-After': RETRY_AFTER });
  }
  return new Refusal(500, error instanceof Error ? error.message : String(error));
}

export interface WholeAnswer {
  readonly code?: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export const json = (value: unknown): WholeAnswer => ({ type: 'application/json', body: JSON.stringify(value) });
export const plain = (body: string, code = 200): WholeAnswer => ({ code, type: 'text/plain; charset=utf-8', body });

export function answerWhole(response: ServerResponse, { code = 200, type, body, headers = {} }: WholeAnswer): void {
  const bytes = Buffer.from(body as string);
  response.writeHead(code, { ...headers, 'Content-Type': type, 'Content-Length': bytes.length });
  response.end(bytes);
}

export function refuse(response: ServerResponse, error: unknown): void {
  const { code, message, headers } = refusalOf(error);
  if (response.headersSent) response.destroy();
  else answerWhole(response, { ...plain(message, code), headers });
}

/** Of a request that asked for an upgrade and does not get it. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { code, message, headers } = refusalOf(error);
  const body = Buffer.from(message);
  const lines = Object.entries({
    ...headers,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(body.length),
    Connection: 'close',
  });
  socket.end(
    Buffer.concat([
      Buffer.from(`HTTP/1.1 ${code} ${STATUS_CODES[code] ?? ''}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`),
      body,
    ]),
  );
}
