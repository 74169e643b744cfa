// A line diff for messages, in the unified format with three lines around each change.
// Source: apimachinery pkg/util/diff Diff (go-difflib).

const CONTEXT = 3;
/** Past this many cells the middle is shown as replaced whole: a message need not be minimal. */
const MAX_CELLS = 4_000_000;

type Line = readonly [' ' | '-' | '+', string];

/** Both values as JSON, one member a line: those of an object by name, since the order they came in says nothing. */
export function jsonDiff(before: unknown, after: unknown): string {
  const print = (value: unknown): readonly string[] => (JSON.stringify(value, byName, 1) ?? 'null').split('\n');
  return unified(lines(print(before), print(after)));
}

const byName = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

function lines(a: readonly string[], b: readonly string[]): readonly Line[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const same = (text: string): Line => [' ', text];
  return [
    ...a.slice(0, head).map(same),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ];
}

/** By the longest common subsequence. */
function middle(a: readonly string[], b: readonly string[]): readonly Line[] {
  const removed = (text: string): Line => ['-', text];
  const added = (text: string): Line => ['+', text];
  if (a.length * b.length > MAX_CELLS) return [...a.map(removed), ...b.map(added)];
  const width = b.length + 1;
  const length = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const at = i * width + j;
      length[at] =
        a[i] === b[j] ? (length[at + width + 1] as number) + 1 : Math.max(length[at + width] as number, length[at + 1] as number);
    }
  }
  const out: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const at = i * width + j;
    if (a[i] === b[j]) {
      out.push([' ', a[i] as string]);
      i++;
      j++;
    } else if ((length[at + width] as number) >= (length[at + 1] as number)) out.push(['-', a[i++] as string]);
    else out.push(['+', b[j++] as string]);
  }
  return [...out, ...a.slice(i).map(removed), ...b.slice(j).map(added)];
}

function unified(all: readonly Line[]): string {
  let out = '';
  let before = 0;
  let after = 0;
  for (let i = 0; i < all.length;) {
    const change = all.findIndex(([sign], at) => at >= i && sign !== ' ');
    if (change === -1) break;
    let end = change;
    for (let at = change; at < all.length && at <= end + CONTEXT * 2; at++) if (all[at]?.[0] !== ' ') end = at;
    const start = Math.max(i, change - CONTEXT);
    before += start - i;
    after += start - i;
    const hunk = all.slice(start, end + 1 + CONTEXT);
    const removed = hunk.filter(([sign]) => sign !== '+').length;
    const added = hunk.filter(([sign]) => sign !== '-').length;
    out += `@@ -${range(before, removed)} +${range(after, added)} @@\n${hunk.map(([sign, text]) => `${sign}${text}\n`).join('')}`;
    before += removed;
    after += added;
    i = start + hunk.length;
  }
  return out;
}

const range = (start: number, length: number): string => (length === 1 ? `${start + 1}` : `${length === 0 ? start : start + 1},${length}`);
