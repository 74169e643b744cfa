// Carries a fuzzer's requests to a server, over connections that are kept, in either protocol.
import { constants, connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { systemClock } from '#base/clock.ts';
import type { FuzzRequest } from './fuzz.ts';

export interface Outcome {
  /** 0: the connection ended without an answer, as it does for what is not HTTP. */
  readonly status: number;
  /** Media type of the body; empty where none was named. */
  readonly type: string;
  /** As latin1: all of it, or what came first of a stream. */
  readonly text: string;
}

/** @throws where there is no answer in good time */
export type Send = (request: FuzzRequest) => Promise<Outcome>;

export interface Sender {
  readonly http1: Send;
  readonly http2: Send;
  /** Ends its connections; what is sent later opens others. */
  close(): void;
}

export interface Address {
  /** `https://127.0.0.1:40123`. */
  readonly url: string;
  /** PEM. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** A request without an answer by then is a failure; no test is timed by this. */
const ANSWER_MS = 120_000;
/** After which a stream without events is left. */
const STREAM_MS = 50;
/** Names that HTTP/2 does not carry, or says in its own way. Source: RFC 9113, 8.2.2. */
const NOT_IN_HTTP2: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'http2-settings',
]);
const NOTHING: Outcome = { status: 0, type: '', text: '' };

const isStream = (path: string): boolean => /watch|follow/.test(path);

export function createSender({ url, tls }: Address): Sender {
  const agent = new Agent({ keepAlive: true, ...tls });
  let session: ClientHttp2Session | undefined;

  const http1: Send = ({ method, path, headers, body, broken }) =>
    new Promise((resolve, reject) => {
      const length = body === undefined || broken === 'chunk' ? {} : { 'content-length': String(body.length) };
      const call = httpsRequest(`${url}/`, { path, method, headers: { ...headers, ...length }, agent }, (answer) => {
        let text = '';
        const { statusCode: status = 0 } = answer;
        const end = (): void => resolve({ status, type: answer.headers['content-type'] ?? '', text });
        answer.setEncoding('latin1').on('data', (chunk: string) => {
          text += chunk;
          if (isStream(path) && status < 400) call.destroy();
        });
        answer.on('end', end).on('close', end).on('error', end);
        if (isStream(path) && status < 400) systemClock.after(STREAM_MS, () => call.destroy());
      });
      call.setTimeout(ANSWER_MS, () => reject(new Error('no answer')));
      call.on('error', () => resolve(NOTHING)).on('close', () => resolve(NOTHING));
      call.on('upgrade', (answer, socket) => {
        socket.destroy();
        resolve({ ...NOTHING, status: answer.statusCode ?? 0 });
      });
      if (body === undefined || broken === undefined) call.end(body);
      else call.write(body.subarray(0, body.length / 2), () => call.destroy());
    });

  const http2: Send = ({ method, path, headers, body, broken }) => {
    if (session === undefined || session.closed || session.destroyed) session = connect(url, tls).on('error', () => {});
    const own = Object.entries(headers).filter(([name]) => !NOT_IN_HTTP2.has(name.toLowerCase()) && !name.startsWith(':'));
    return new Promise((resolve, reject) => {
      let stream: ClientHttp2Stream;
      try {
        const head = { ...Object.fromEntries(own), ':method': method, ':path': path };
        stream = (session as ClientHttp2Session).request(head, { endStream: body === undefined });
      } catch {
        resolve(NOTHING); // no request in HTTP/2: the client refuses to send it
        return;
      }
      let [text, type, status] = ['', '', 0];
      const end = (): void => resolve({ status, type, text });
      stream.setEncoding('latin1').on('response', (head) => {
        status = Number(head[':status']);
        type = head['content-type'] ?? '';
        if (isStream(path) && status < 400) systemClock.after(STREAM_MS, () => stream.close(constants.NGHTTP2_CANCEL));
      });
      stream.on('data', (chunk: string) => {
        text += chunk;
        if (isStream(path) && status < 400) stream.close(constants.NGHTTP2_CANCEL);
      });
      stream.on('end', end).on('close', end).on('error', end);
      stream.setTimeout(ANSWER_MS, () => reject(new Error('no answer')));
      if (body === undefined) return;
      if (broken === undefined) stream.end(body);
      else stream.write(body.subarray(0, body.length / 2), () => stream.close(constants.NGHTTP2_CANCEL));
    });
  };

  return {
    http1,
    http2,
    close: () => {
      agent.destroy();
      session?.destroy();
    },
  };
}
