// Decides when sealed segments are worth rewriting, and which of them become one.
import type { SegmentRange } from './segment.ts';

/** What is known of a sealed segment. */
export interface SegmentUse extends SegmentRange {
  /** Bytes of the file. */
  readonly end: number;
  /** Bytes of it that compaction forgot. */
  readonly dead: number;
}

/** Segments are rewritten when this part of their bytes is dead: disk use stays below twice what is alive. */
const DEAD_PART = 0.5;

/**
 * Neighbouring segments to rewrite into one each, oldest first; empty while it is not worth it. The order matters:
 * a delete may only be dropped when nothing older holds a put of the key, so the past is cleaned before it.
 *
 * Every segment with dead records is in a group. Groups are filled up to `segmentBytes` of what is alive, so that many
 * nearly empty segments do not stay many.
 */
export function planCleaning<T extends SegmentUse>(sealed: readonly T[], segmentBytes: number): readonly (readonly T[])[] {
  const bytes = sealed.reduce((sum, { end }) => sum + end, 0);
  const dead = sealed.reduce((sum, segment) => sum + segment.dead, 0);
  if (dead < segmentBytes / 4 || dead < bytes * DEAD_PART) return [];
  const groups: T[][] = [];
  let alive = Infinity;
  for (const segment of sealed) {
    const own = segment.end - segment.dead;
    if (alive + own > segmentBytes) {
      groups.push([]);
      alive = 0;
    }
    groups.at(-1)?.push(segment);
    alive += own;
  }
  return groups.filter((group) => group.length > 1 || group.some((segment) => segment.dead > 0));
}
