// Headers with all their values. Joining values, as HTTP allows, would make two groups out of one with a comma in its name.

export interface HeaderValues {
  /** Values of one header by its lower-case name, in the order sent. */
  values(name: string): readonly string[];
  /** Lower-case names, each once. */
  names(): Iterable<string>;
}

/** @param raw names and values in turn, as Node keeps them: `['Host', 'a', 'Accept', 'b']` */
export function headerValues(raw: readonly string[]): HeaderValues {
  const byName = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [raw[i + 1] as string]);
    else values.push(raw[i + 1] as string);
  }
  return { values: (name) => byName.get(name) ?? [], names: () => byName.keys() };
}

/** The key of an extra value from a header's name: percent-encoded where a header name could not hold it. */
function extraKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (error) {
    if (error instanceof URIError) return encoded; // always kept, even if malformed
    throw error;
  }
}

/** Values of all headers whose name starts with `prefix`, by the decoded rest of the name. */
export function extraOf(headers: HeaderValues, prefix: string): Readonly<Record<string, readonly string[]>> {
  const extra = new Map<string, readonly string[]>();
  for (const name of headers.names()) {
    if (!name.startsWith(prefix)) continue;
    const key = extraKey(name.slice(prefix.length));
    extra.set(key, [...(extra.get(key) ?? []), ...headers.values(name)]);
  }
  return Object.fromEntries(extra);
}
