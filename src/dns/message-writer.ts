// pure
// A message as bytes, record by record, until no further one fits. A name that was written before is pointed to (RFC 1035, 4.1.4):
// dns-packet writes each in full, and then half as many addresses of a headless Service fit into what many resolvers take.
import { answer, type Answer, question, type Question } from 'dns-packet';

const HEADER_BYTES = 12;
/** A pointer has 14 bits. */
const MOST_POINTED_TO = 0x3f_ff;
const POINTER = 0xc000;
const LONGEST_LABEL = 63;
/** What is first made room for; it doubles as it fills. */
const FIRST_BYTES = 512;

/** Those whose data is a name that may be pointed to as well: others may not, being younger than the rule. RFC 3597, 4. */
const NAMES: ReadonlySet<string> = new Set(['CNAME', 'PTR', 'NS']);

export type Section = 'answers' | 'authorities' | 'additionals';
/** Where the header counts their records. */
const COUNT_AT: Readonly<Record<Section, number>> = { answers: 6, authorities: 8, additionals: 10 };

export class MessageWriter {
  #bytes: Buffer = Buffer.alloc(FIRST_BYTES);
  #length = HEADER_BYTES;
  readonly #maxBytes: number;
  /** Offset of each name written so far, and of what follows its first labels. */
  readonly #names = new Map<string, number>();

  /** @param reserved bytes that later records need in any case */
  constructor(maxBytes: number, reserved: number) {
    this.#maxBytes = maxBytes - reserved;
  }

  question(asked: Question): void {
    const body = Buffer.alloc(5); // an empty name, type, class
    question.encode({ ...asked, name: '.' }, body);
    this.#name(asked.name);
    this.#grow(4);
    this.#length += body.copy(this.#bytes, this.#length, 1);
    this.#bytes.writeUInt16BE(1, 4);
  }

  /** Writes as many of the records as fit, in order; how many those were. */
  records(section: Section, records: readonly Answer[]): number {
    let written = 0;
    for (const record of records) {
      const before = this.#length;
      this.#record(record);
      if (this.#length > this.#maxBytes) {
        this.#backTo(before);
        break;
      }
      written++;
    }
    this.#bytes.writeUInt16BE(written, COUNT_AT[section]);
    return written;
  }

  /** All of the records, or none. */
  allOrNone(section: Section, records: readonly Answer[]): boolean {
    const before = this.#length;
    if (this.records(section, records) === records.length) return true;
    this.#backTo(before);
    this.#bytes.writeUInt16BE(0, COUNT_AT[section]);
    return false;
  }

  #backTo(length: number): void {
    this.#length = length;
    for (const [name, at] of this.#names) if (at >= length) this.#names.delete(name);
  }

  /** The message with this header, and `last` as one further additional record in the room that was reserved. */
  finish(id: number, flags: number, last: Answer | undefined): Buffer {
    if (last !== undefined) {
      this.#record(last);
      this.#bytes.writeUInt16BE(this.#bytes.readUInt16BE(COUNT_AT.additionals) + 1, COUNT_AT.additionals);
    }
    this.#bytes.writeUInt16BE(id, 0);
    this.#bytes.writeUInt16BE(flags, 2);
    return this.#bytes.subarray(0, this.#length);
  }

  #record(record: Answer): void {
    this.#name(record.name);
    const body = answer.encode({ ...record, name: '.' }).subarray(1); // type, class, TTL, length of data, data
    const plain = NAMES.has(record.type) ? BODY_HEAD_BYTES : body.length;
    this.#grow(body.length);
    body.copy(this.#bytes, this.#length, 0, plain);
    this.#length += plain;
    if (plain === body.length) return;
    const data = this.#length;
    this.#name(String(record.data));
    this.#bytes.writeUInt16BE(this.#length - data, data - 2);
  }

  #name(name: string): void {
    const labels = name.replace(/\.$/, '').split('.');
    for (let i = 0; i < labels.length && labels[i] !== ''; i++) {
      const rest = labels.slice(i).join('.');
      const known = this.#names.get(rest);
      if (known !== undefined) {
        this.#grow(2);
        this.#length = this.#bytes.writeUInt16BE(POINTER | known, this.#length);
        return;
      }
      if (this.#length <= MOST_POINTED_TO) this.#names.set(rest, this.#length);
      const label = Buffer.from(labels[i] as string).subarray(0, LONGEST_LABEL);
      this.#grow(label.length + 1);
      this.#bytes[this.#length] = label.length;
      label.copy(this.#bytes, this.#length + 1);
      this.#length += label.length + 1;
    }
    this.#grow(1);
    this.#bytes[this.#length++] = 0;
  }

  #grow(by: number): void {
    if (this.#length + by <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + by));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** Type, class, TTL and length of data. */
const BODY_HEAD_BYTES = 10;
