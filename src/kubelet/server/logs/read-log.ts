// What a reader of a container's log gets. Source: cri-client logs ReadLogs, logWriter.
import type { EntrySource } from './entries.ts';
import { logEntries } from './entries.ts';
import { endsLine, parseLine, parseNanos, type LogLine } from './line.ts';
import type { LogOptions } from './options.ts';

/** The log's text in pieces, as it is wanted. @throws Error when there is no such file */
export async function* readLog(source: EntrySource, options: LogOptions): AsyncGenerator<Buffer, void, undefined> {
  let left = options.limitBytes ?? Infinity;
  let lineBegins = true;
  for await (const entry of logEntries(source)) {
    const line = parseLine(entry);
    if (line === undefined || !isWanted(line, options)) continue;
    const text = options.timestamps && lineBegins ? Buffer.concat([line.time, SPACE, line.content]) : line.content;
    lineBegins = endsLine(line.content);
    const piece = text.length > left ? text.subarray(0, left) : text;
    if (piece.length > 0) yield piece;
    left -= piece.length;
    if (left <= 0) return;
  }
}

const SPACE = Buffer.from(' ');

function isWanted({ time, stream }: LogLine, { since, streams }: LogOptions): boolean {
  if (streams !== 'both' && streams !== stream) return false;
  return since === undefined || (parseNanos(time.toString('latin1')) ?? 0n) >= since;
}
