// pure
// One line of a log file as the runtime writes it: `2016-10-06T00:17:09.669794202Z stdout P:tag content`.
// Source: cri-client logs parseCRILog.

export interface LogLine {
  /** As it was written. */
  readonly time: Buffer;
  readonly stream: 'stdout' | 'stderr';
  /** With its line feed, unless the line goes on in the next entry. */
  readonly content: Buffer;
}

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const PARTIAL = 'P';

/** @param entry with its line feed, if it has one. Undefined for what is no entry */
export function parseLine(entry: Buffer): LogLine | undefined {
  const afterTime = entry.indexOf(SPACE);
  const afterStream = entry.indexOf(SPACE, afterTime + 1);
  const afterTags = entry.indexOf(SPACE, afterStream + 1);
  if (afterTime < 1 || afterStream < 0 || afterTags < 0) return undefined;
  const stream = entry.toString('latin1', afterTime + 1, afterStream);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const [tag] = entry.toString('latin1', afterStream + 1, afterTags).split(':');
  const partial = tag === PARTIAL && entry.at(-1) === LINE_FEED;
  return { time: entry.subarray(0, afterTime), stream, content: entry.subarray(afterTags + 1, entry.length - (partial ? 1 : 0)) };
}

export const endsLine = (content: Buffer): boolean => content.length === 0 || content.at(-1) === LINE_FEED;

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Nanoseconds since the epoch; undefined for what is no RFC 3339 time. */
export function parseNanos(text: string): bigint | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const ms = Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}
