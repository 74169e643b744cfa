// Frames of HTTP/2 as bytes, for connections that no client library would make. Source: RFC 9113, 4.1, 6.
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

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

/** The head of a GET. */
export const getHead = (path: string): Buffer =>
  Buffer.concat([literal(':method', 'GET'), literal(':scheme', 'https'), literal(':path', path), literal(':authority', 'a')]);
