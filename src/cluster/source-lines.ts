// Stack traces that name lines of the sources, when the program runs from a bundle of them (tools/program). Read when a
// trace is written: Node's own --enable-source-maps costs an idle server 10 MB.
import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A place as V8 writes it. What an error says may be long and of others' making: this reads each letter of it once. */
const PLACE = /file:\/\/[^\s:]+:\d+:\d+/g;
/** Where bundles lie. */
const BUNDLES = '/.cache/program/';

/** Places that were looked up before: what fails over and over does not read its map each time. */
const known = new Map<string, string>();
const MOST_KNOWN = 1_000;

/** `stack` with places of the sources where it has places of a bundle. One whose map is gone stays as it is. */
export function inSources(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replaceAll(PLACE, (place) => {
    if (!place.includes(BUNDLES)) return place;
    const before = known.get(place);
    if (before !== undefined) return before;
    const found = placeInSources(place, maps);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(place, found);
    return found;
  });
}

function placeInSources(place: string, maps: Map<string, SourceMap | undefined>): string {
  const [, url = '', line = '', column = ''] = /^(.*):(\d+):(\d+)$/.exec(place) ?? [];
  if (!maps.has(url)) maps.set(url, mapOf(url));
  const origin = maps.get(url)?.findOrigin(Number(line), Number(column));
  if (origin === undefined || !('fileName' in origin)) return place;
  return `${new URL(origin.fileName, url).href}:${origin.lineNumber}:${origin.columnNumber}`;
}

function mapOf(url: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')) as SourceMapPayload);
  } catch {
    return undefined; // the bundle has been replaced: the trace names its lines
  }
}

/** What ends the process is written by Node itself, which asks before it does. */
export function uncaughtInSources(): void {
  process.on('uncaughtExceptionMonitor', (error) => {
    // Anything may have been thrown.
    if (error instanceof Error && error.stack !== undefined) error.stack = inSources(error.stack);
  });
}
