// Asks the resolvers of this machine about names outside the cluster: by UDP, by TCP when the answer was cut, the next
// one when one does not answer. Bounded in questions under way; equal questions under way share one answer.
import { createSocket, type Socket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { ForwardCache, type ForwardedAnswer } from './forward-cache.ts';
import { RCODES, type Rcode, TCP_BYTES, UDP_BYTES } from './message.ts';
import type { Question } from './records.ts';
import type { Upstream } from './resolv-conf.ts';

/** Source: CoreDNS forward maxTimeout. */
const TIMEOUT_MS = 2_000;
/** Upstreams asked for one question, one after the other; more than one turn if there are few. */
const MAX_ATTEMPTS = 3;
/** Where all of them failed of late: who asks has more names to try, and waits no longer than for one. Source: CoreDNS forward ServeDNS. */
const ATTEMPTS_IN_VAIN = 1;
/** A resolver that failed is asked last for this long. Milliseconds. */
const AVOID_MS = 10_000;
/** Questions under way. Source: CoreDNS `max_concurrent 1000` of kubeadm's Corefile. */
const MAX_UNDER_WAY = 1_000;
const CACHE_ENTRIES = 9_984;

export interface ForwarderDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  /** Read for every question that is not cached, so a changed resolv.conf counts at once. */
  upstreams(): readonly Upstream[];
}

/** No upstream gave an answer; the reader gets SERVFAIL. */
export class ForwardError extends Error {
  override readonly name = 'ForwardError';
}

export class Forwarder {
  readonly #deps: ForwarderDeps;
  readonly #cache = new ForwardCache(CACHE_ENTRIES);
  readonly #underWay = new Map<string, Promise<ForwardedAnswer>>();
  /** Monotonic time until which an upstream is asked last, by address. */
  readonly #avoid = new Map<string, number>();

  constructor(deps: ForwarderDeps) {
    this.#deps = deps;
  }

  /** @throws ForwardError */
  resolve(question: Question): ForwardedAnswer | Promise<ForwardedAnswer> {
    const cached = this.#cache.get(question, this.#deps.clock.monotonic());
    if (cached !== undefined) return cached;
    const key = `${question.type} ${question.name}`;
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    if (this.#underWay.size >= MAX_UNDER_WAY) return Promise.reject(new ForwardError(`${MAX_UNDER_WAY} questions are under way`));
    const asked = this.#ask(question).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, asked);
    return asked;
  }

  async #ask(question: Question): Promise<ForwardedAnswer> {
    const { clock } = this.#deps;
    const now = clock.monotonic();
    const avoided = (upstream: Upstream): number => ((this.#avoid.get(upstream.address) ?? 0) > now ? 1 : 0);
    const upstreams = this.#deps.upstreams().toSorted((a, b) => avoided(a) - avoided(b));
    if (upstreams.length === 0) throw new ForwardError('this machine names no resolver');
    const failures: string[] = [];
    const attempts = upstreams.every((upstream) => avoided(upstream) === 1) ? ATTEMPTS_IN_VAIN : MAX_ATTEMPTS;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const upstream = upstreams[attempt % upstreams.length] as Upstream;
      try {
        const answer = await this.#exchange(upstream, question);
        this.#avoid.delete(upstream.address);
        return this.#cache.set(question, answer, clock.monotonic());
      } catch (error) {
        if (!(error instanceof ForwardError)) throw error;
        this.#avoid.set(upstream.address, clock.monotonic() + AVOID_MS);
        failures.push(error.message);
      }
    }
    throw new ForwardError(failures.join('; '));
  }

  async #exchange(upstream: Upstream, question: Question): Promise<ForwardedAnswer> {
    const [high, low] = this.#deps.ids.bytes(2) as unknown as [number, number];
    const id = (high << 8) | low;
    const query = encode({
      id,
      type: 'query',
      flags: RECURSION_DESIRED,
      questions: [{ name: question.name, type: question.type, class: 'IN' }],
      additionals: [{ type: 'OPT', name: '.', udpPayloadSize: UDP_BYTES, flags: 0, extendedRcode: 0, ednsVersion: 0, options: [] }],
    });
    const isOurs = (packet: Packet): boolean =>
      packet.id === id &&
      packet.type === 'response' &&
      packet.questions?.[0]?.name.toLowerCase() === question.name &&
      packet.questions[0].type === question.type;
    const byUdp = await exchangeUdp(upstream, query, isOurs, this.#deps.clock);
    const packet = byUdp.flag_tc === true ? await exchangeTcp(upstream, query, isOurs, this.#deps.clock) : byUdp;
    const rcode = packet.rcode ?? 'SERVFAIL';
    return {
      rcode: rcode in RCODES ? (rcode as Rcode) : 'SERVFAIL',
      answers: packet.answers ?? [],
      authorities: packet.authorities ?? [],
    };
  }
}

const named = ({ address, port }: Upstream): string => `${address}#${port}`;

/** A socket of its own for each question: an unpredictable port is half of what guards against forged answers. */
function exchangeUdp(upstream: Upstream, query: Buffer, isOurs: (packet: Packet) => boolean, clock: Clock): Promise<Packet> {
  return new Promise((resolve, reject) => {
    const socket: Socket = createSocket(isIPv6(upstream.address) ? 'udp6' : 'udp4');
    const cancel = clock.after(TIMEOUT_MS, () => finish(() => reject(new ForwardError(`${named(upstream)} does not answer`))));
    const finish = (settle: () => void): void => {
      cancel();
      socket.removeAllListeners().on('error', () => {}); // a late ICMP error of a socket that is being closed
      socket.close();
      settle();
    };
    socket.on('error', (error) => finish(() => reject(new ForwardError(`${named(upstream)}: ${error.message}`, { cause: error }))));
    socket.on('message', (bytes) => {
      const packet = decoded(bytes);
      if (packet !== undefined && isOurs(packet)) finish(() => resolve(packet)); // anything else may be forged: wait on
    });
    socket.connect(upstream.port, upstream.address, () => socket.send(query));
  });
}

function exchangeTcp(upstream: Upstream, query: Buffer, isOurs: (packet: Packet) => boolean, clock: Clock): Promise<Packet> {
  return new Promise((resolve, reject) => {
    const socket = connect(upstream.port, upstream.address);
    const finish = (settle: () => void): void => {
      cancel();
      socket.destroy();
      settle();
    };
    const fail = (why: string): void => finish(() => reject(new ForwardError(`${named(upstream)} by TCP: ${why}`)));
    const cancel = clock.after(TIMEOUT_MS, () => fail('does not answer'));
    let received = Buffer.alloc(0);
    socket.on('connect', () => socket.write(Buffer.concat([lengthPrefix(query.length), query])));
    socket.on('error', (error) => fail(error.message));
    socket.on('end', () => fail('ended before its answer'));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > TCP_BYTES + 2) return fail('says more than a message may hold');
      if (received.length < 2 || received.length < received.readUInt16BE(0) + 2) return;
      const packet = decoded(received.subarray(2, received.readUInt16BE(0) + 2));
      if (packet === undefined || !isOurs(packet)) return fail('gave no answer to the question');
      finish(() => resolve(packet));
    });
  });
}

/** What stands before a message over TCP. RFC 1035, 4.2.2. */
export function lengthPrefix(length: number): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(length);
  return prefix;
}

function decoded(bytes: Uint8Array): Packet | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined; // malformed: as good as no answer
  }
}
