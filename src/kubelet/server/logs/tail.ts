// Where the last lines of a log file begin.
import type { FileHandle } from 'node:fs/promises';

const BLOCK = 64 << 10;
const LINE_FEED = 0x0a;

/** Offset of the first of the last `lines` lines of `file`, looking back from its end. Source: findTailLineStartIndex. */
export async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  const block = Buffer.alloc(Math.min(BLOCK, size));
  let found = 0;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      // The last line's own end is not one before it.
      if (block[at] !== LINE_FEED || start + at === size - 1) continue;
      if (++found === lines) return start + at + 1;
    }
    end = start;
  }
  return 0;
}
