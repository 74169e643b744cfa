// Changes as bytes of a watch, one frame each. Encoded once for all watchers that want the same form of the same change; what
// there is when a watch begins, from bytes that lists use too.
import { decodeValue } from '#api/decode.ts';
import { hasMessage } from '#api/protobuf/codec.ts';
import { inEnvelope } from '#api/protobuf/envelope.ts';
import { encodeWatchFrame } from '#api/protobuf/watch.ts';
import type { KubeObject } from '#api/types.ts';
import { goJson, goSortedJson } from '#apimachinery/go-format.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { OutputForm } from '../negotiation/output.ts';
import type { ProtobufCodec } from '../negotiation/protobuf.ts';
import type { ObjectForm } from '../negotiation/transform.ts';
import type { ServedResource } from '../registry/catalog.ts';
import type { WatchItem } from '../registry/watch-queue.ts';
import { messagesOf, type Messages } from './messages.ts';

/** What a watcher asked to be shown. */
export interface FrameForm {
  readonly served: ServedResource;
  readonly form: OutputForm;
  readonly shape: ObjectForm;
  readonly protobuf: ProtobufCodec | undefined;
}

export class WatchFrames {
  readonly #form: FrameForm;
  readonly #shared: boolean;
  readonly #id: string;
  /** Of objects there are, where they are asked for as they are, in protobuf. */
  readonly #messages: Messages | undefined;
  #events = 0;

  constructor(frameForm: FrameForm) {
    this.#form = frameForm;
    const { form, shape, served } = frameForm;
    this.#shared = form.transform !== 'Table';
    this.#id = `${served.apiVersion} ${form.encoding} ${shape.id}`;
    const plain = form.encoding === 'protobuf' && form.transform === 'none' && hasMessage(served.info.schema);
    this.#messages = plain ? messagesOf(served) : undefined;
  }

  of(item: WatchItem): Buffer {
    switch (item.kind) {
      case 'event': {
        const { type, object, change } = item;
        const index = this.#events++;
        if (change === undefined && this.#messages !== undefined) return this.#framed(type, this.#messages.message(object, true));
        const encode = (): Buffer => this.#event(type, object, index);
        return change === undefined || !this.#shared ? encode() : change.frame(`${type} ${this.#id}`, encode);
      }
      case 'bookmark':
        return this.#wrap('BOOKMARK', this.#bookmark(item.revision, item.initialEventsEnd));
      case 'error':
        return this.#wrap('ERROR', item.error.toStatus());
    }
  }

  #framed(type: string, message: Uint8Array): Buffer {
    const { apiVersion, info } = this.#form.served;
    return encodeWatchFrame(type, inEnvelope({ apiVersion, kind: info.kind }, message));
  }

  #event(type: string, stored: StoredObject, index: number): Buffer {
    const { served, form, shape } = this.#form;
    const object = served.view(stored);
    if (form.encoding === 'json' && form.transform === 'none') return jsonFrame(type, object);
    return this.#wrap(type, shape.event(object, index));
  }

  /** As Go writes an object of which nothing is set but this. */
  #bookmark(revision: number, initialEventsEnd: boolean): object {
    const { shape, served } = this.#form;
    const { info, apiVersion } = served;
    const annotations = initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const bare = { kind: info.kind, apiVersion, metadata: { resourceVersion: String(revision), ...annotations } };
    const empty = info.origin === 'custom' ? bare : decodeValue<object>(bare, info.schema, { fieldValidation: 'Ignore' }).object;
    return shape.bookmark(empty as KubeObject);
  }

  #wrap(type: string, object: object): Buffer {
    const { form, protobuf, served } = this.#form;
    if (form.encoding === 'protobuf' && protobuf !== undefined) return protobuf.frame(type, object);
    const asMap = type === 'BOOKMARK' && served.info.origin === 'custom' && form.transform === 'none';
    return Buffer.from(`{"type":"${type}","object":${asMap ? goSortedJson(object) : goJson(object)}}\n`);
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
