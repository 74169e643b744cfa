// One watch, one stream to one member. It ends with that stream: who reads it reads again and watches again, as the
// contract says, so nothing is resumed here.
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { ResultStream } from '#base/result-stream.ts';
import { CompactedError, type StoreEvent, StoreUnavailableError, type Watch, type WatchBatch, type WatchRequest } from '../contract.ts';
import { type Cluster, LOWEST_KEY } from './cluster.ts';
import { type EtcdEvent, type EtcdWatchResponse, WATCH } from './methods.ts';
import { isServiceError, unavailable } from './refusals.ts';

/** Unread batches a watch may hold before it is cut off. */
export const WATCH_QUEUE = 1024;

export interface EtcdWatchOptions {
  /** Unread batches. */
  readonly queue: number;
  readonly onEnd: () => void;
}

const PROGRESS = WATCH.request.encode({ progressRequest: {} }) as Buffer;

export class EtcdWatch implements Watch {
  readonly #cluster: Cluster;
  readonly #request: WatchRequest;
  readonly #stream: ResultStream<WatchBatch>;
  #call: ClientDuplexStream<Buffer, Buffer> | undefined;
  /** First revision that was not delivered. */
  #next: number;
  /** Nothing was delivered yet of a watch that asked for no revision. */
  #fromNow: boolean;
  /** Events of which the rest is still to come. */
  #fragments: EtcdEvent[] = [];

  constructor(cluster: Cluster, request: WatchRequest, { queue, onEnd }: EtcdWatchOptions) {
    this.#cluster = cluster;
    this.#request = request;
    // From now on: the server would count from when it gets to it, and miss what is written until then.
    this.#fromNow = request.revision === undefined || request.revision === 0;
    this.#next = this.#fromNow ? cluster.seen + 1 : (request.revision ?? 0);
    this.#stream = new ResultStream<WatchBatch>(queue, () => {
      this.#call?.cancel();
      onEnd();
    });
  }

  next(): Promise<IteratorResult<WatchBatch>> {
    return this.#stream.next();
  }

  return(): Promise<IteratorResult<WatchBatch>> {
    return this.#stream.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Begins; every outcome is the stream's. */
  start(): void {
    this.#open().catch((error: unknown) => this.#fail(error));
  }

  end(): void {
    this.#stream.end();
  }

  /** Asks how far the member has come, unless `revision` was reached. */
  askProgress(revision: number): void {
    if (this.#next <= revision && !this.#stream.ended) this.#call?.write(PROGRESS);
  }

  async #open(): Promise<void> {
    const call = await this.#cluster.members.duplex(WATCH.path);
    if (this.#stream.ended) {
      call.on('error', () => {}); // of the cancellation, which nobody waits for
      call.cancel();
      return;
    }
    this.#call = call;
    const whileOwn = (react: () => void): void => {
      if (this.#call === call) react();
    };
    call.on('data', (bytes: Buffer) => whileOwn(() => this.#receive(bytes)));
    call.on('error', (error: ServiceError) => whileOwn(() => this.#fail(error)));
    call.on('end', () => whileOwn(() => this.#fail(new StoreUnavailableError('etcd: the server ended the watch'))));
    const { start, end = '', previous = false } = this.#request;
    const key = start === '' ? LOWEST_KEY : start;
    const createRequest = { key, rangeEnd: end, startRevision: this.#next, progressNotify: true, prevKv: previous, fragment: true };
    call.write(WATCH.request.encode({ createRequest }) as Buffer);
  }

  #fail(error: unknown): void {
    this.#stream.fail(isServiceError(error) ? unavailable(error, 'read') : error);
  }

  #receive(bytes: Buffer): void {
    let response: EtcdWatchResponse;
    try {
      response = WATCH.response.decode(bytes);
    } catch (error) {
      this.#stream.fail(new StoreUnavailableError('etcd: the server sent what is no watch response', 'none', { cause: error }));
      return;
    }
    this.#cluster.saw(response.header);
    if (response.canceled) return this.#canceled(response);
    if (response.created) return;
    if (response.events.length === 0 && this.#fragments.length === 0) return this.#progress(response.header.revision);
    this.#fragments.push(...response.events);
    if (response.fragment) return;
    const events = this.#fragments.filter(({ kv }) => kv.modRevision >= this.#next);
    this.#fragments = [];
    this.#deliver(events);
  }

  #deliver(events: readonly EtcdEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    // The header's revision may be ahead of what a watch that is catching up was sent.
    const revision = last.kv.modRevision;
    this.#next = revision + 1;
    this.#fromNow = false;
    this.#stream.push({ events: events.map(eventOf), revision });
  }

  #progress(revision: number): void {
    if (revision < this.#next) return;
    this.#next = revision + 1;
    this.#stream.push({ events: [], revision });
  }

  #canceled({ compactRevision, cancelReason }: EtcdWatchResponse): void {
    if (compactRevision > 0 && this.#fromNow) {
      // What was seen last was long ago; the present is certainly not compacted.
      this.#next = compactRevision;
      const refused = this.#call;
      this.#call = undefined;
      refused?.cancel();
      return this.start();
    }
    const error =
      compactRevision > 0
        ? new CompactedError(compactRevision)
        : new StoreUnavailableError(`etcd: the server ended the watch: ${cancelReason}`);
    this.#stream.fail(error);
  }
}

function eventOf({ type, kv, prevKv }: EtcdEvent): StoreEvent {
  return { type: type === 'PUT' ? 'put' : 'delete', entry: kv, ...(prevKv === undefined ? {} : { previous: prevKv }) };
}
