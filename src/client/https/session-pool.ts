// Few connections to one server: one is used until it has no room for more streams, or its certificate changed.
import type { Clock } from '#base/clock.ts';
import { ConnectionError } from '../contract.ts';
import { Session, type Endpoint, type TlsMaterial } from './session.ts';

const same = (a: TlsMaterial, b: TlsMaterial): boolean =>
  a.ca === b.ca && a.certificate?.cert === b.certificate?.cert && a.certificate?.key === b.certificate?.key;

export class SessionPool {
  readonly #endpoint: Endpoint;
  readonly #clock: Clock;
  readonly #sessions = new Set<Session>();
  readonly #closing = new AbortController();
  #connecting: { readonly material: TlsMaterial; readonly done: Promise<Session> } | undefined;

  constructor(endpoint: Endpoint, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
  }

  /** Open connections. */
  get size(): number {
    return this.#sessions.size;
  }

  /**
   * A connection made with `material`, with a place for one stream reserved; those made with another one take no new
   * streams.
   * @throws ConnectionError, or the signal's reason
   */
  async acquire(material: TlsMaterial, signal: AbortSignal): Promise<Session> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#closing.signal.aborted) throw this.#closing.signal.reason as Error;
      for (const session of this.#sessions) {
        if (!same(session.material, material)) session.retire();
        else if (session.hasRoom) {
          session.reserve();
          return session;
        }
      }
      await unlessAborted(this.#connect(material), signal);
    }
  }

  /** One attempt at a time, shared by all that wait. */
  async #connect(material: TlsMaterial): Promise<Session> {
    if (this.#connecting !== undefined && same(this.#connecting.material, material)) return this.#connecting.done;
    const done = this.#open(material);
    this.#connecting = { material, done };
    try {
      return await done;
    } finally {
      if (this.#connecting.done === done) this.#connecting = undefined;
    }
  }

  async #open(material: TlsMaterial): Promise<Session> {
    const session = await Session.connect(this.#endpoint, material, this.#clock, this.#closing.signal);
    if (this.#closing.signal.aborted) {
      session.destroy(this.#closing.signal.reason as ConnectionError);
      throw this.#closing.signal.reason as Error;
    }
    this.#sessions.add(session);
    session.onEnd = () => this.#sessions.delete(session);
    return session;
  }

  close(): void {
    const reason = new ConnectionError('the transport is closed');
    this.#closing.abort(reason);
    for (const session of this.#sessions) session.destroy(reason);
  }
}

/** `promise`, or the signal's reason if that comes first; `promise` goes on for the others that wait for it. */
async function unlessAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
