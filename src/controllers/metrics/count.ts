// pure

/** How often each stands there. */
export function count(each: readonly (readonly string[])[]): Iterable<readonly [readonly string[], number]> {
  const counts = new Map<string, [values: readonly string[], count: number]>();
  for (const values of each) {
    const key = values.join('\0');
    const known = counts.get(key);
    if (known === undefined) counts.set(key, [values, 1]);
    else known[1]++;
  }
  return counts.values();
}
