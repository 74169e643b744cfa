// pure
// Queries and answers on the wire, over dns-packet: what is accepted, and how an answer fits its reader's buffer.
import { AUTHORITATIVE_ANSWER, decode, encode, type Answer, RECURSION_AVAILABLE, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet';
import { MessageWriter } from './message-writer.ts';
import type { Question } from './records.ts';

/** Without EDNS a UDP answer holds this many bytes. RFC 1035, 2.3.4. */
const PLAIN_UDP_BYTES = 512;
/** What we say we take, and the most we send by UDP: fits every path without fragments. Source: DNS flag day 2020. */
export const UDP_BYTES = 1232;
export const TCP_BYTES = 65_535;
/** Our own OPT record. */
const OPT_BYTES = 11;
/** The bit of the header that tells an answer from a question. */
const RESPONSE = 0x8000;

export const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
export type Rcode = keyof typeof RCODES;

export interface Query {
  readonly id: number;
  /** In lower case, for look-ups. */
  readonly question: Question;
  /** As it was asked: the answer repeats it letter by letter (resolvers mix case against forgery). */
  readonly askedName: string;
  readonly recursionDesired: boolean;
  /** Bytes the asker takes by UDP. */
  readonly udpBytes: number;
  readonly edns: boolean;
}

export type ParsedQuery =
  | { readonly kind: 'query'; readonly query: Query }
  /** Answered with only a header. */
  | { readonly kind: 'refuse'; readonly id: number; readonly rcode: Rcode }
  /** Not a query at all, or nothing to answer to. */
  | { readonly kind: 'drop' };

export function parseQuery(bytes: Uint8Array): ParsedQuery {
  if (bytes.length < 12) return { kind: 'drop' };
  const id = ((bytes[0] as number) << 8) | (bytes[1] as number);
  const flags = bytes[2] as number;
  if ((flags & 0x80) !== 0) return { kind: 'drop' }; // a response: answering it would start a loop
  if ((flags & 0x78) !== 0) return { kind: 'refuse', id, rcode: 'NOTIMP' }; // any opcode but QUERY
  try {
    const packet = decode(bytes);
    const question = packet.questions?.[0];
    if (question === undefined || packet.questions?.length !== 1) return { kind: 'refuse', id, rcode: 'FORMERR' };
    if (question.class !== 'IN') return { kind: 'refuse', id, rcode: 'REFUSED' };
    const opt = packet.additionals?.find((record) => record.type === 'OPT');
    return {
      kind: 'query',
      query: {
        id,
        question: { name: question.name.toLowerCase().replace(/\.$/, ''), type: question.type },
        askedName: question.name,
        recursionDesired: packet.flag_rd === true,
        udpBytes: opt === undefined ? PLAIN_UDP_BYTES : Math.min(Math.max(opt.udpPayloadSize ?? 0, PLAIN_UDP_BYTES), UDP_BYTES),
        edns: opt !== undefined,
      },
    };
  } catch {
    return { kind: 'refuse', id, rcode: 'FORMERR' }; // dns-packet throws on whatever it cannot read
  }
}

export interface Response {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly answers: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly additionals?: readonly Answer[];
}

/** An answer of at most `maxBytes`: first the additional records go, then answers, and the TC bit is set. */
export function encodeResponse(query: Query, response: Response, maxBytes: number): Buffer {
  const flags =
    (query.recursionDesired ? RECURSION_DESIRED : 0) |
    RECURSION_AVAILABLE |
    (response.authoritative ? AUTHORITATIVE_ANSWER : 0) |
    RCODES[response.rcode];
  const opt: Answer | undefined = query.edns
    ? { type: 'OPT', name: '.', udpPayloadSize: UDP_BYTES, flags: 0, extendedRcode: 0, ednsVersion: 0, options: [] }
    : undefined;
  const writer = new MessageWriter(maxBytes, opt === undefined ? 0 : OPT_BYTES);
  writer.question({ name: query.askedName, type: query.question.type, class: 'IN' });
  const whole =
    writer.records('answers', response.answers) === response.answers.length && writer.allOrNone('authorities', response.authorities ?? []);
  if (whole) writer.allOrNone('additionals', response.additionals ?? []);
  return writer.finish(query.id, RESPONSE | flags | (whole ? 0 : TRUNCATED_RESPONSE), opt);
}

/** A bare header with `rcode`, for what could not be read. */
export function encodeRefusal(id: number, rcode: Rcode): Buffer {
  return encode({ id, type: 'response', flags: RCODES[rcode] });
}
