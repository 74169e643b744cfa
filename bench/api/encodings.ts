// How the load speaks: JSON, or protobuf as upstream's own clients do.
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { Schema } from '#api/schema.ts';

export interface Encoding {
  readonly name: 'json' | 'protobuf';
  readonly mediaType: string;
  encode(object: object): Uint8Array;
  /** Adds a chunk of a watch's stream; how many events it completed. */
  eventCounter(): (chunk: Buffer) => number;
}

const protobuf = kubeProtobuf(new Schema());
const NEWLINE = 10;

export const ENCODINGS: readonly Encoding[] = [
  {
    name: 'json',
    mediaType: 'application/json',
    encode: (object) => Buffer.from(JSON.stringify(object)),
    eventCounter: () => (chunk) => {
      let events = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) events++;
      return events;
    },
  },
  {
    name: 'protobuf',
    mediaType: 'application/vnd.kubernetes.protobuf',
    encode: (object) => protobuf.encode(object),
    eventCounter: frameCounter,
  },
];

/** Frames of a four byte length, big-endian, and so many bytes. */
function frameCounter(): (chunk: Buffer) => number {
  const LENGTH_BYTES = 4;
  let [lengthBytes, length, missing] = [0, 0, 0];
  return (chunk) => {
    let events = 0;
    for (let at = 0; at < chunk.length;) {
      if (lengthBytes < LENGTH_BYTES) {
        length = length * 256 + (chunk[at++] as number);
        if (++lengthBytes === LENGTH_BYTES) missing = length;
        continue;
      }
      const taken = Math.min(missing, chunk.length - at);
      at += taken;
      missing -= taken;
      if (missing > 0) continue;
      events++;
      [lengthBytes, length] = [0, 0];
    }
    return events;
  };
}
