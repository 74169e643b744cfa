// A client that speaks nothing but protobuf, by a library and numbers of its own: what it reads, Proa's codec did not.
import { readFileSync } from 'node:fs';
import { request, type RequestOptions } from 'node:https';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { StatusError } from '#apimachinery/errors.ts';
import type { Pki } from '#cluster/pki/store.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
/** What every message over the wire begins with, before its envelope. Source: apimachinery runtime/serializer/protobuf. */
const MAGIC = Buffer.from('k8s\0');

const { root } = protobuf.parse(readFileSync(join(import.meta.dirname, 'messages.proto'), 'utf8'), { keepCase: true });

/** As protobufjs gives it: int64 as numbers, bytes as Buffers; members that were not sent are not there. */
export type Message = Readonly<Record<string, any>>; // oxlint-disable-line typescript/no-explicit-any

export interface Decoded {
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: Message;
}

export interface Answer extends Decoded {
  readonly code: number;
  readonly contentType: string;
}

const read = (type: string, bytes: Uint8Array): Message => {
  const found = root.lookupType(type);
  return found.toObject(found.decode(bytes), { longs: Number });
};

function write(type: string, object: object): Uint8Array {
  const found = root.lookupType(type);
  const wrong = found.verify(object);
  if (wrong !== null) throw new Error(`${type}: ${wrong}`);
  return found.encode(found.fromObject(object)).finish();
}

export function encode(apiVersion: string, kind: string, object: object): Buffer {
  return Buffer.concat([MAGIC, write('Unknown', { typeMeta: { apiVersion, kind }, raw: write(kind, object) })]);
}

/** @throws Error for bytes without the magic */
export function decode(bytes: Buffer): Decoded {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error(`not protobuf: ${bytes.toString('latin1').slice(0, 80)}`);
  const { typeMeta, raw } = read('Unknown', bytes.subarray(MAGIC.length));
  return { ...typeMeta, object: read(typeMeta.kind, raw) };
}

export class ProtobufClient {
  readonly #options: RequestOptions;

  constructor(server: string, pki: Pki) {
    const { hostname, port } = new URL(server);
    const { certificate, key } = pki.read('admin');
    this.#options = { hostname, port, ca: pki.certificate('ca'), cert: certificate, key, agent: false };
  }

  async call(method: string, path: string, body?: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const response = await this.#send(method, path, body, { accept: PROTOBUF, ...headers });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { code: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', ...decode(Buffer.concat(chunks)) };
  }

  /** Events until the caller has enough. Each frame is its length in four bytes, then a WatchEvent. @throws StatusError when it is refused */
  async *watch(path: string): AsyncGenerator<{ readonly type: string; readonly contentType: string } & Decoded> {
    const response = await this.#send('GET', path, undefined, { accept: `${PROTOBUF};stream=watch` });
    const contentType = response.headers['content-type'] ?? '';
    if (response.statusCode !== 200) {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      throw StatusError.fromStatus({ code: response.statusCode ?? 0, ...decode(Buffer.concat(chunks)).object });
    }
    let rest = Buffer.alloc(0);
    try {
      for await (const chunk of response) {
        rest = Buffer.concat([rest, chunk as Buffer]);
        while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
          const end = 4 + rest.readUInt32BE();
          const { type, object } = read('WatchEvent', rest.subarray(4, end));
          rest = rest.subarray(end);
          yield { type, contentType, ...decode(Buffer.from(object.raw)) };
        }
      }
    } finally {
      response.destroy();
    }
  }

  async #send(method: string, path: string, body: Buffer | undefined, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
    const type = body === undefined ? {} : { 'content-type': PROTOBUF, 'content-length': String(body.length) };
    const sent = request({ ...this.#options, method, path, headers: { ...type, ...headers } });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  }
}
