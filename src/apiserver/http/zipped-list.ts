// A list as gzip, joined from runs of items that were compressed before, by whatever list first needed them. What is new is
// compressed outside of the main thread.
import { constants, crc32, deflateRaw } from 'node:zlib';
import { promisify } from 'node:util';
import { nextTurn } from '#base/next-turn.ts';
import type { CompressedRun } from '../cache/compressed-runs.ts';
import type { ResourceCache } from '../cache/resource-cache.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import { GZIP_HEAD, gzipEnd, joined, NOTHING, type Checked } from './gzip-member.ts';
import type { ListBody, Part } from './list-parts.ts';

/** Source: defaultGzipContentEncodingLevel. */
const LEVEL = 1;
/** Bytes of items in a run, on average and at most. */
const USUAL = 128 * 1024;
const MOST = 4 * USUAL;
/** Runs that are compressed at a time: as many as the thread pool has threads. */
const AT_ONCE = 4;
/** Objects put together before other requests have their turn again. */
const OBJECTS_IN_A_TURN = 250;
/** Bytes handed on at a time. */
const CHUNK = 64 * 1024;

const deflate = promisify(deflateRaw);

/** Objects `from` to the one before `to`. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly parts: readonly Part[];
  readonly length: number;
}

export interface ListPlan {
  readonly body: ListBody;
  readonly cache: ResourceCache | undefined;
  /** Runs that are known and stretches that are to be compressed, in the order of the items. */
  readonly steps: readonly (CompressedRun | Stretch)[];
  /** Of all items, uncompressed, in bytes. */
  readonly itemBytes: number;
}

/** @param cache of the objects; without one everything is compressed for this list alone */
export async function planZipped(body: ListBody, cache: ResourceCache | undefined): Promise<ListPlan> {
  const steps = await stepsOf(body, cache);
  return { body, cache, steps, itemBytes: steps.reduce((sum, { length }) => sum + length, 0) };
}

export async function* zippedList({ body, cache, steps, itemBytes }: ListPlan): AsyncGenerator<Buffer> {
  const { before, behind } = body.around(itemBytes);
  const ahead: Promise<CompressedRun>[] = [];
  const made = function* (): Generator<Promise<CompressedRun>> {
    yield compress(before);
    for (const step of steps) yield 'deflated' in step ? Promise.resolve(step) : compressed(step, body, cache);
    yield compress(behind);
  };
  let whole: Checked = NOTHING;
  let gathered: Uint8Array[] = [GZIP_HEAD];
  let size = GZIP_HEAD.length;
  try {
    for (const run of made()) {
      ahead.push(run);
      run.catch(() => {}); // it is waited for below, in its turn
      if (ahead.length < AT_ONCE) continue;
      yield* take(await (ahead.shift() as Promise<CompressedRun>));
    }
    for (const run of ahead.splice(0)) yield* take(await run);
  } finally {
    await Promise.allSettled(ahead);
  }
  yield Buffer.concat([...gathered, gzipEnd(whole)]);

  function* take(run: CompressedRun): Generator<Buffer> {
    whole = joined(whole, run);
    gathered.push(run.deflated);
    size += run.deflated.length;
    if (size < CHUNK) return;
    yield Buffer.concat(gathered, size);
    gathered = [];
    size = 0;
  }
}

/** The first item is in no run. */
async function stepsOf(body: ListBody, cache: ResourceCache | undefined): Promise<readonly (CompressedRun | Stretch)[]> {
  const { objects, form } = body;
  const steps: (CompressedRun | Stretch)[] = [];
  let untilBreak = OBJECTS_IN_A_TURN;
  for (let from = 0; from < objects.length;) {
    const known = from === 0 ? undefined : cache?.compressed(form, objects, from);
    if (known !== undefined) {
      steps.push(known.run);
      from += known.count;
    } else {
      const stretch = stretchFrom(body, from);
      steps.push(stretch);
      untilBreak -= stretch.to - from;
      from = stretch.to;
      if (untilBreak > 0) continue;
      await nextTurn();
      untilBreak = OBJECTS_IN_A_TURN;
    }
  }
  return steps;
}

/** Where a stretch ends is a property of its last object, so that one more or fewer leaves the runs beside it as they are. */
function stretchFrom({ objects, item }: ListBody, from: number): Stretch {
  const parts: Part[] = [];
  let length = 0;
  let to = from;
  for (let ends = false; !ends && to < objects.length; to++) {
    const before = length;
    for (const part of item(to)) {
      parts.push(part);
      length += part.length;
    }
    ends = from === 0 || length >= MOST || hash((objects[to] as StoredObject).key) < ((length - before) / USUAL) * 2 ** 32;
  }
  return { from, to, parts, length };
}

/** 32 bits, each of which depends on all of the text: keys differ in their last letters. Source: FNV-1a, MurmurHash3 fmix32. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

async function compressed(
  { from, to, parts }: Stretch,
  { form, objects }: ListBody,
  cache: ResourceCache | undefined,
): Promise<CompressedRun> {
  const run = await compress(parts);
  if (from > 0) cache?.keepCompressed(form, objects.slice(from, to), run);
  return run;
}

async function compress(parts: readonly Part[]): Promise<CompressedRun> {
  const plain = together(parts);
  // A full flush ends at a whole byte, and what follows refers to nothing before it.
  const deflated = await deflate(plain, { level: LEVEL, finishFlush: constants.Z_FULL_FLUSH });
  return { deflated, crc: crc32(plain), length: plain.length };
}

function together(parts: readonly Part[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    if (part instanceof Uint8Array) bytes.set(part, at);
    else part.copy(bytes, at);
    at += part.length;
  }
  return bytes;
}
