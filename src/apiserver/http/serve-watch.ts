// A watch on the wire: event after event until either side has enough. Frames are encoded once for all watchers that
// want the same form of the same change.
import type { Clock } from '#base/clock.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { OutputForm } from '../negotiation/output.ts';
import type { ProtobufCodec } from '../negotiation/protobuf.ts';
import type { ObjectForm } from '../negotiation/transform.ts';
import type { ServedResource } from '../registry/catalog.ts';
import type { WatchItem } from '../registry/watch-queue.ts';
import type { WatchPlan } from '../registry/watch.ts';
import { ClientGoneError, type Exchange, type ResponseHeaders, type ResponseStream } from './exchange.ts';

/** Bytes handed to the connection at a time, and how much may wait there before the watcher has to catch up. */
const BATCH = 64 * 1024;
const MAX_BUFFERED = 1024 * 1024;

export interface WatchAnswer {
  readonly served: ServedResource;
  readonly watch: WatchPlan;
  readonly form: OutputForm;
  readonly shape: ObjectForm;
  readonly headers: ResponseHeaders;
  readonly protobuf: ProtobufCodec | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Resolves when the watch is over. */
export function serveWatch(exchange: Exchange, answer: WatchAnswer): Promise<void> {
  const stream = exchange.stream(200, answer.headers);
  if (stream === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const watch = answer.watch.open();
    const { queue } = watch;
    const frames = new Frames(answer);
    let blocked = false;
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      watch.close();
      cancelTimeout();
      answer.signal.removeEventListener('abort', end);
      stream.end();
      resolve();
    };
    const end = (): void => {
      queue.end();
      pump();
    };
    const pump = (): void => {
      if (blocked || over) return;
      if (!writeAll(stream, frames, queue)) {
        blocked = true;
        stream.drained().then(
          () => {
            blocked = false;
            pump();
          },
          (error: unknown) => {
            finish();
            if (!(error instanceof ClientGoneError)) throw error;
          },
        );
      } else if (queue.ended) {
        finish();
      }
    };
    const cancelTimeout = answer.clock.after(answer.watch.timeoutMs, end);
    queue.wake = pump;
    answer.signal.addEventListener('abort', end, { once: true });
    exchange.onClose(finish);
    pump();
  });
}

/** Writes what there is; false when the connection has enough for now. */
function writeAll(stream: ResponseStream, frames: Frames, queue: { take(): WatchItem | undefined }): boolean {
  let pending: Buffer[] = [];
  let size = 0;
  const flush = (): boolean => {
    if (size === 0) return true;
    const room = stream.write(pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending, size));
    pending = [];
    size = 0;
    // A watcher is idle most of the time: the connection may take some more than its usual mark.
    return room || stream.buffered < MAX_BUFFERED;
  };
  for (let item = queue.take(); item !== undefined; item = queue.take()) {
    const frame = frames.of(item);
    pending.push(frame);
    size += frame.length;
    if (size >= BATCH && !flush()) return false;
  }
  return flush();
}

class Frames {
  readonly #answer: WatchAnswer;
  readonly #shared: boolean;
  readonly #id: string;
  #events = 0;

  constructor(answer: WatchAnswer) {
    this.#answer = answer;
    const { form, shape, served } = answer;
    this.#shared = form.transform !== 'Table';
    this.#id = `${served.apiVersion} ${form.encoding} ${shape.id}`;
  }

  of(item: WatchItem): Buffer {
    switch (item.kind) {
      case 'event': {
        const { type, object, change } = item;
        const index = this.#events++;
        const encode = (): Buffer => this.#event(type, object, index);
        return change === undefined || !this.#shared ? encode() : change.frame(`${type} ${this.#id}`, encode);
      }
      case 'bookmark':
        return this.#wrap('BOOKMARK', this.#bookmark(item.revision, item.initialEventsEnd));
      case 'error':
        return this.#wrap('ERROR', item.error.toStatus());
    }
  }

  #event(type: string, stored: StoredObject, index: number): Buffer {
    const { served, form, shape } = this.#answer;
    const object = served.view(stored);
    if (form.encoding === 'json' && form.transform === 'none') return jsonFrame(type, object);
    return this.#wrap(type, shape.event(object, index));
  }

  #bookmark(revision: number, initialEventsEnd: boolean): object {
    const { served, form } = this.#answer;
    const metadata = {
      resourceVersion: String(revision),
      ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    };
    if (form.transform === 'PartialObjectMetadata' || form.transform === 'PartialObjectMetadataList') {
      return {
        kind: 'PartialObjectMetadata',
        apiVersion: `meta.k8s.io/${form.metaVersion}`,
        metadata: { ...metadata, creationTimestamp: null },
      };
    }
    const bookmark = { kind: served.info.kind, apiVersion: served.apiVersion, metadata: { ...metadata, creationTimestamp: null } };
    if (form.transform !== 'Table') return bookmark;
    const apiVersion = `meta.k8s.io/${form.metaVersion}`;
    return {
      kind: 'Table',
      apiVersion,
      metadata: { resourceVersion: String(revision) },
      columnDefinitions: [],
      rows: [{ cells: [], object: bookmark }],
    };
  }

  #wrap(type: string, object: object): Buffer {
    const { form, protobuf } = this.#answer;
    if (form.encoding === 'protobuf' && protobuf !== undefined) return protobuf.frame(type, object);
    return Buffer.from(`{"type":"${type}","object":${JSON.stringify(object)}}\n`);
  }
}

const JSON_END = Buffer.from('}\n');

/** `{"type":"ADDED","object":…}` around the stored bytes. */
function jsonFrame(type: string, object: StoredObject): Buffer {
  const head = `{"type":"${type}","object":`;
  const frame = Buffer.allocUnsafe(head.length + object.jsonLength + JSON_END.length);
  const at = object.copyJson(frame, frame.write(head, 'latin1'));
  JSON_END.copy(frame, at);
  return frame;
}
