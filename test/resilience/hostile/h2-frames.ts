// What connections that no client library would make send over HTTP/2. Source: RFC 9113, 3.4, 6.
import { frame, TYPE } from '../../harness/http2-frame.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** What every connection begins with. `settings` are by number. */
export function beginning(settings: Readonly<Record<number, number>> = {}): Buffer {
  const values = Object.entries(settings).map(([name, value]) => {
    const one = Buffer.alloc(6);
    one.writeUInt16BE(Number(name), 0);
    one.writeUInt32BE(value, 2);
    return one;
  });
  return Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0, Buffer.concat(values))]);
}

/** A header as a literal that is not kept; both at most 126 bytes. Source: RFC 7541, 6.2.2. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
}

const head = (method: string, path: string): Buffer =>
  Buffer.concat([literal(':method', method), literal(':scheme', 'https'), literal(':path', path), literal(':authority', 'a')]);

/** The head of a GET. */
export const getHead = (path: string): Buffer => head('GET', path);

/** The head of a POST. */
export const postHead = (path: string): Buffer => head('POST', path);
