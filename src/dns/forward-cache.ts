// pure
// Answers from outside, kept for as long as they may be, within a bound. Source: CoreDNS plugin/cache, kubeadm's `cache 30`.
import type { Answer } from 'dns-packet';
import type { Rcode } from './message.ts';
import type { Question } from './records.ts';

export interface ForwardedAnswer {
  readonly rcode: Rcode;
  readonly answers: readonly Answer[];
  readonly authorities: readonly Answer[];
}

/** Longest an answer is kept, seconds. */
const MAX_TTL = 30;
/** Shortest an answer is kept, seconds, so that a name asked for in a loop is not asked for upstream each time. */
const MIN_TTL = 5;

interface Entry {
  readonly answer: ForwardedAnswer;
  /** Milliseconds of the monotonic clock. */
  readonly storedAt: number;
  readonly expiresAt: number;
}

export class ForwardCache {
  /** In order of use: the first entry was used longest ago. */
  readonly #entries = new Map<string, Entry>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The answer with TTLs lowered by its age, or undefined. `now` as the monotonic clock gives it. */
  get(question: Question, now: number): ForwardedAnswer | undefined {
    const key = keyOf(question);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (now >= entry.expiresAt) return undefined;
    this.#entries.set(key, entry);
    const age = Math.floor((now - entry.storedAt) / 1000);
    return age === 0
      ? entry.answer
      : { ...entry.answer, answers: aged(entry.answer.answers, age), authorities: aged(entry.answer.authorities, age) };
  }

  /**
   * Keeps a final answer: one with records, or one that says there are none. Failures are not kept. Gives the answer as it is told
   * from now on: its records are worth what it is kept for.
   */
  set(question: Question, found: ForwardedAnswer, now: number): ForwardedAnswer {
    if (found.rcode !== 'NOERROR' && found.rcode !== 'NXDOMAIN') return found;
    const ttl = Math.max(MIN_TTL, Math.min(MAX_TTL, ...ttlsOf(found)));
    const lasting = (records: readonly Answer[]): readonly Answer[] => records.map((record) => ({ ...record, ttl }));
    const answer = { ...found, answers: lasting(found.answers), authorities: lasting(found.authorities) };
    const key = keyOf(question);
    this.#entries.delete(key);
    this.#entries.set(key, { answer, storedAt: now, expiresAt: now + ttl * 1000 });
    if (this.#entries.size > this.#capacity) this.#entries.delete(this.#entries.keys().next().value as string);
    return answer;
  }
}

const keyOf = ({ name, type }: Question): string => `${type} ${name}`;

function aged(records: readonly Answer[], seconds: number): readonly Answer[] {
  return records.map((record) => ({ ...record, ttl: Math.max(0, (record.ttl ?? 0) - seconds) }));
}

/** Seconds. A denial is worth what the zone says of denials, or nothing where it says nothing. RFC 2308, 5. */
function ttlsOf({ answers, authorities }: ForwardedAnswer): readonly number[] {
  if (answers.length > 0) return [...answers, ...authorities].map(({ ttl = 0 }) => ttl);
  const minimums = authorities.filter(({ type }) => type === 'SOA').map(({ ttl = 0, data }) => Math.min(ttl, (data as Soa).minimum));
  return minimums.length === 0 ? [0] : minimums;
}

interface Soa {
  readonly minimum: number;
}
