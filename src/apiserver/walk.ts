// One request on its way through the chain: the context stages fill in and handlers read.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { AuditTrail } from './audit/contract.ts';
import type { AuthenticationRequest, UserInfo } from './authentication/contract.ts';
import type { Outcome, Walk } from './chain.ts';
import type { Span } from './tracing/contract.ts';
import type { AuditAnnotations, Query, RequestContext, RequestInfo, Warnings } from './request.ts';

/** Longest warning and most of all warnings of one request, characters. Source: filters truncateAtTotalRunes. */
const MAX_WARNING = 256;
const MAX_WARNINGS_TOTAL = 4 * 1_024;

class WarningRecorder implements Warnings {
  #texts: string[] = [];
  #total = 0;

  get texts(): readonly string[] {
    return this.#texts;
  }

  add(text: string): void {
    const cut = text.length > MAX_WARNING * 4 ? text.slice(0, MAX_WARNING * 4) : text;
    if (this.#texts.includes(cut) || this.#total + cut.length > MAX_WARNINGS_TOTAL) return;
    this.#texts.push(cut);
    this.#total += cut.length;
  }
}

class AuditRecorder implements AuditAnnotations {
  readonly #entries: Record<string, string> = {};
  readonly #requestEntries: Record<string, string> = {};

  get entries(): Readonly<Record<string, string>> {
    return this.#entries;
  }

  get requestEntries(): Readonly<Record<string, string>> {
    return this.#requestEntries;
  }

  add(key: string, value: string, level: 'Metadata' | 'Request' = 'Metadata'): void {
    const entries = level === 'Request' ? this.#requestEntries : this.#entries;
    if (!Object.hasOwn(entries, key)) entries[key] = value;
  }
}

export interface WalkStart {
  readonly id: string;
  readonly uri: string;
  readonly method: string;
  readonly transport: 'https' | 'loopback';
  readonly info: RequestInfo;
  readonly query: Query;
  readonly userAgent: string;
  readonly remoteAddress: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class RequestWalk implements Walk, RequestContext {
  readonly id: string;
  readonly uri: string;
  readonly method: string;
  readonly transport: 'https' | 'loopback';
  readonly info: RequestInfo;
  readonly query: Query;
  readonly userAgent: string;
  readonly remoteAddress: string;
  readonly receivedAt: number;
  readonly logger: Logger;
  #credentials: AuthenticationRequest | undefined;
  #user: UserInfo | undefined;
  #warnings: WarningRecorder | undefined;
  #audit: AuditRecorder | undefined;
  #abort: AbortController | undefined;
  #abortReason: Error | undefined;
  auditTrail: AuditTrail | undefined;
  span: Span | undefined;
  isApply = false;
  limitMs: number | undefined;
  #headers: Readonly<Record<string, string>> | undefined;
  #onStream: (() => void) | undefined;
  #waitedMs = 0;
  readonly #clock: Clock;
  readonly #started: number;
  #finishers: ((outcome: Outcome) => void)[] = [];

  constructor(start: WalkStart) {
    this.id = start.id;
    this.uri = start.uri;
    this.method = start.method;
    this.transport = start.transport;
    this.info = start.info;
    this.query = start.query;
    this.userAgent = start.userAgent;
    this.remoteAddress = start.remoteAddress;
    this.receivedAt = start.clock.now();
    this.#clock = start.clock;
    this.#started = start.clock.monotonic();
    this.logger = start.logger;
  }

  get context(): RequestContext {
    return this;
  }

  get user(): UserInfo {
    if (this.#user === undefined) throw new Error('the user is not known before authentication');
    return this.#user;
  }

  get credentials(): AuthenticationRequest | undefined {
    return this.#credentials;
  }

  /** Before the chain. */
  present(credentials: AuthenticationRequest): void {
    this.#credentials = credentials;
  }

  get authenticated(): boolean {
    return this.#user !== undefined;
  }

  setUser(user: UserInfo): void {
    this.#user = user;
  }

  // Few requests warn, annotate or wait: what serves them is made when first used.

  get warnings(): Warnings {
    return (this.#warnings ??= new WarningRecorder());
  }

  get warningTexts(): readonly string[] {
    return this.#warnings?.texts ?? [];
  }

  get audit(): AuditAnnotations {
    return (this.#audit ??= new AuditRecorder());
  }

  addHeaders(headers: Readonly<Record<string, string>>): void {
    this.#headers = this.#headers === undefined ? headers : { ...this.#headers, ...headers };
  }

  get answerHeaders(): Readonly<Record<string, string>> | undefined {
    return this.#headers;
  }

  get elapsedMs(): number {
    return this.#clock.monotonic() - this.#started;
  }

  waited(ms: number): void {
    this.#waitedMs += ms;
  }

  get waitedMs(): number {
    return this.#waitedMs;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#abortReason !== undefined) this.#abort.abort(this.#abortReason);
    }
    return this.#abort.signal;
  }

  get aborted(): boolean {
    return this.#abortReason !== undefined;
  }

  /** Tells everything that works for this request to stop. */
  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#abort?.abort(reason);
  }

  onFinish(close: (outcome: Outcome) => void): void {
    this.#finishers.push(close);
  }

  onStream(begun: () => void): void {
    this.#onStream = begun;
  }

  /** A watch has found what it starts from, or another stream begins. */
  streamBegins(): void {
    this.auditTrail?.streaming();
    this.#onStream?.();
  }

  /** The request is over; later calls do nothing. */
  finish(outcome: Outcome): void {
    const finishers = this.#finishers;
    this.#finishers = [];
    for (let i = finishers.length - 1; i >= 0; i--) (finishers[i] as (outcome: Outcome) => void)(outcome);
  }
}
