// Index lists of indexed jobs: `1,3-5,7`. Source: batch validation.go validateIndexesFormat and its kin.
import { goQuote } from '#apimachinery/go-format.ts';

class IndexesError extends Error {
  override readonly name = 'IndexesError';
}

interface Interval {
  readonly first: number;
  readonly last: number;
}

function parseIndex(text: string, completions: number): number {
  if (!/^[+-]?[0-9]+$/.test(text)) throw new IndexesError(`cannot convert string to integer for index: ${goQuote(text)}`);
  const index = Number(text);
  if (index >= completions) throw new IndexesError(`too large index: ${goQuote(text)}`);
  return index;
}

function parseInterval(text: string, completions: number): Interval {
  const parts = text.split('-');
  if (parts.length > 2) {
    const detail = "violates the requirement that an index interval can have at most two parts separated by '-'";
    throw new IndexesError(`the fragment ${goQuote(text)} ${detail}`);
  }
  const first = parseIndex(parts[0] as string, completions);
  if (parts[1] === undefined) return { first, last: first };
  const last = parseIndex(parts[1], completions);
  if (first >= last) throw new IndexesError(`non-increasing order, previous: ${first}, current: ${last}`);
  return { first, last };
}

function countIndexes(text: string, completions: number): number {
  let total = 0;
  let previous: number | undefined;
  for (const fragment of text.split(',')) {
    const { first, last } = parseInterval(fragment, completions);
    if (previous !== undefined && previous >= first)
      throw new IndexesError(`non-increasing order, previous: ${previous}, current: ${first}`);
    total += last - first + 1;
    previous = last;
  }
  return total;
}

/** How many indexes a list names, or why it is none. */
export function indexCount(text: string, completions: number): { readonly total: number; readonly problem?: string } {
  if (text === '') return { total: 0 };
  try {
    return { total: countIndexes(text, completions) };
  } catch (error) {
    if (error instanceof IndexesError) return { total: 0, problem: error.message };
    throw error;
  }
}

function readable(text: string, completions: number): readonly Interval[] {
  const out: Interval[] = [];
  for (const fragment of text.split(',')) {
    try {
      out.push(parseInterval(fragment, completions));
    } catch (error) {
      if (!(error instanceof IndexesError)) throw error;
    }
  }
  return out;
}

/** The first index in both lists, whose unreadable parts are passed over. Source: validateFailedIndexesNotOverlapCompleted. */
export function firstOverlap(completed: string, failed: string, completions: number): number | undefined {
  if (completed === '' || failed === '') return undefined;
  const left = readable(completed, completions);
  const right = readable(failed, completions);
  for (let l = 0, r = 0; l < left.length && r < right.length;) {
    const [a, b] = [left[l] as Interval, right[r] as Interval];
    if (a.first <= b.last && b.first <= a.last) return Math.max(a.first, b.first);
    if (a.first <= b.first) l++;
    else r++;
  }
  return undefined;
}
