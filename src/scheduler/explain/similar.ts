// pure
// Names that somebody may have meant.

/** Letters that may differ in one name of two. */
const MOST_EDITS = 2;

/** The nearest of `names` that is not far from `name`: a letter or two differ, or one begins as the other does. */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let least = Infinity;
  for (const other of names) {
    const edits = editsBetween(name, other);
    const isNear = edits <= MOST_EDITS && edits < Math.max(name.length, other.length) / 2 && unnumbered(name) !== unnumbered(other);
    const distance = isNear ? edits : beginsWith(name, other) ? MOST_EDITS + 1 : Infinity;
    if (other !== name && distance < least) [nearest, least] = [other, distance];
  }
  return nearest;
}

/** Things of a kind that are numbered are different things. */
const unnumbered = (name: string): string => name.replaceAll(/\d/g, '');

const beginsWith = (a: string, b: string): boolean => a.startsWith(`${b}-`) || b.startsWith(`${a}-`);

/** Letters put in, left out, changed or exchanged with the next. */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_EDITS) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let edits = Math.min((row[j - 1] as number) + 1, (last[j] as number) + 1, (last[j - 1] as number) + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, (beforeLast[j - 2] as number) + 1);
      row.push(edits);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] as number;
}
