// The part of dns-packet (which ships no types) that this module uses.
declare module 'dns-packet' {
  export const AUTHORITATIVE_ANSWER: number;
  export const TRUNCATED_RESPONSE: number;
  export const RECURSION_DESIRED: number;
  export const RECURSION_AVAILABLE: number;

  export interface Question {
    readonly name: string;
    readonly type: string;
    readonly class?: string;
  }

  export interface Answer {
    readonly name: string;
    readonly type: string;
    readonly ttl?: number;
    readonly class?: string;
    readonly data?: unknown;
    readonly flags?: number;
    readonly udpPayloadSize?: number;
    readonly extendedRcode?: number;
    readonly ednsVersion?: number;
    readonly options?: readonly unknown[];
  }

  export interface Packet {
    readonly id?: number;
    readonly type?: 'query' | 'response';
    readonly flags?: number;
    readonly opcode?: string;
    /** `NOERROR`, `NXDOMAIN`, …; read from a decoded packet only. */
    readonly rcode?: string;
    readonly flag_tc?: boolean;
    readonly flag_rd?: boolean;
    readonly questions?: readonly Question[];
    readonly answers?: readonly Answer[];
    readonly authorities?: readonly Answer[];
    readonly additionals?: readonly Answer[];
  }

  /** One record by itself. */
  export const answer: { encode(record: Answer): Buffer };
  export const question: { encode(question: Question, into: Buffer): void };
  /** @throws RangeError or Error on a malformed message */
  export function decode(buffer: Uint8Array): Packet;
  /** @throws Error for a record that cannot be encoded */
  export function encode(packet: Packet): Buffer;
}
