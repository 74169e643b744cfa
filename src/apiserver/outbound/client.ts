// The calls themselves, over HTTP/1.1: HTTP/2 would keep all calls of a Service on one of its backends.
import type { IncomingMessage } from 'node:http';
import { Agent, request as requestTls, type RequestOptions } from 'node:https';
import type { Clock } from '#base/clock.ts';
import { GatheredBytes } from '#base/gathered-bytes.ts';
import { OutboundError, type Outbound, type OutboundAnswer, type OutboundCall } from './contract.ts';
import { describe, failureOf, isReset, isStale } from './failures.ts';
import { SEEMS_SELF_SIGNED, shownBy, type Vouched, vouched } from './namesake.ts';

/** Connections to one address with one trust. */
const MAX_SOCKETS = 64;
const MAX_TOTAL_SOCKETS = 1_024;
/** Of them, kept without a call. */
const MAX_IDLE = 16;
/** How long, milliseconds. Source: http.DefaultTransport IdleConnTimeout. */
const IDLE_MS = 90_000;
/** An object may have 3 MiB, and a patch of it as much. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Bundles of authorities whose servers bear their name; the one that was learnt first is forgotten. */
const MAX_NAMESAKES = 256;

export class HttpsOutbound implements Outbound {
  readonly #clock: Clock;
  /** Tells connections apart by address, server name, authorities and client certificate. */
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    maxTotalSockets: MAX_TOTAL_SOCKETS,
    maxFreeSockets: MAX_IDLE,
    timeout: IDLE_MS,
    scheduling: 'lifo',
  });

  /** The certificate that OpenSSL would refuse, by the authorities that the call names. */
  readonly #namesakes = new Map<string, Vouched>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async call(call: OutboundCall): Promise<OutboundAnswer> {
    const ending = new AbortController();
    const stop = (why: OutboundError): void => ending.abort(why);
    const onAbort = (): void => stop(failureOf('canceled', call, 'context canceled'));
    if (call.signal.aborted) throw failureOf('canceled', call, 'context canceled');
    call.signal.addEventListener('abort', onAbort, { once: true });
    const cancel = this.#clock.after(call.timeoutMs, () => stop(failureOf('timeout', call, 'context deadline exceeded')));
    try {
      return await this.#exchange(call, ending.signal, true);
    } finally {
      cancel();
      call.signal.removeEventListener('abort', onAbort);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Whether the server that was refused bears the name of its authority, and may be trusted from now on. */
  async #learn(call: OutboundCall, signal: AbortSignal): Promise<boolean> {
    const { ca } = call.trust;
    if (ca === undefined) return false;
    const leaf = await shownBy({ ...call.address, ...tlsOptions(call) }, signal);
    const known = leaf === undefined ? undefined : vouched(leaf, ca, this.#clock.now());
    this.#namesakes.delete(ca);
    if (known === undefined) return false;
    this.#namesakes.set(ca, known);
    for (const first of this.#namesakes.keys()) {
      if (this.#namesakes.size <= MAX_NAMESAKES) break;
      this.#namesakes.delete(first);
    }
    return true;
  }

  /** The authorities to trust, with what they vouch for besides. */
  #trusted(ca: string | undefined): { readonly ca?: string | readonly string[] } {
    if (ca === undefined) return {};
    const known = this.#namesakes.get(ca);
    return { ca: known === undefined || known.until < this.#clock.now() ? ca : [ca, known.certificate] };
  }

  /** @param again whether a kept connection that turns out closed, or a certificate that OpenSSL misjudges, may be followed by another */
  #exchange(call: OutboundCall, signal: AbortSignal, again: boolean): Promise<OutboundAnswer> {
    const { method, address, headers = {}, body } = call;
    const url = new URL(call.url);
    return new Promise((resolve, reject) => {
      const request = requestTls({
        ...address,
        method,
        path: url.pathname + url.search,
        headers: {
          host: url.host,
          accept: 'application/json, */*',
          ...(headers as Readonly<Record<string, string | string[]>>),
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        },
        agent: this.#agent,
        signal,
        ...tlsOptions(call),
        ...this.#trusted(call.trust.ca),
      } as RequestOptions);
      const fail = (error: Error): void => {
        if (signal.aborted) reject(signal.reason as OutboundError);
        else if (error instanceof OutboundError) reject(error);
        else reject(failureOf(isReset(error) ? 'reset' : 'failed', call, describe(error, address, call.trust.serverName ?? url.hostname)));
      };
      request.once('response', (answer) => {
        request.off('error', onError);
        request.on('error', fail);
        read(answer, call).then(
          (whole) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: whole }),
          (error: unknown) => fail(error as Error),
        );
      });
      const onError = (error: Error): void => {
        if (again && request.reusedSocket && isStale(error) && !signal.aborted) {
          this.#exchange(call, signal, false).then(resolve, reject);
        } else if (again && (error as NodeJS.ErrnoException).code === SEEMS_SELF_SIGNED && !signal.aborted) {
          this.#learn(call, signal).then(
            (learnt) => (learnt ? this.#exchange(call, signal, false).then(resolve, reject) : fail(error)),
            reject,
          );
        } else fail(error);
      };
      request.on('error', onError);
      // Node ends such a request without a word where nobody listens for it.
      request.once('upgrade', (answer, socket) => {
        socket.destroy();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.alloc(0) });
      });
      request.end(body);
    });
  }
}

function tlsOptions({ address, trust }: OutboundCall) {
  const { ca, serverName, insecureSkipVerify = false, client } = trust;
  const servername = serverName ?? (/[^\d.]/.test(address.host) && !address.host.includes(':') ? address.host : '');
  return {
    ...(ca === undefined ? {} : { ca }),
    // Whatever is in a bundle is trusted by itself, as in Go: an intermediate authority, the server's own certificate.
    allowPartialTrustChain: true,
    servername,
    rejectUnauthorized: !insecureSkipVerify,
    ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
  };
}

async function read(answer: IncomingMessage, call: OutboundCall): Promise<Buffer> {
  const limit = call.maxBytes ?? MAX_ANSWER_BYTES;
  const bytes = new GatheredBytes();
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes.add(chunk);
    if (bytes.length <= limit) continue;
    answer.destroy();
    throw failureOf('failed', call, `the answer is larger than ${limit} bytes`);
  }
  if (!answer.complete) throw failureOf('failed', call, 'unexpected EOF');
  return bytes.whole();
}
