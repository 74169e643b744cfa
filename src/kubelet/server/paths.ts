// pure
// A path, matched against the forms the server knows.

export type PathParameters = Readonly<Record<string, string>>;

/**
 * Parameters of `path` in `form` (`/exec/{namespace}/{pod}`), decoded; undefined when it has another form, an empty part,
 * or one that cannot be decoded.
 */
export function matchPath(form: string, path: string): PathParameters | undefined {
  const [wanted, given] = [form.split('/'), path.split('/')];
  if (given.length === wanted.length + 1 && given.at(-1) === '') given.pop();
  if (wanted.length !== given.length) return undefined;
  const found: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const text = given[i] as string;
    if (!part.startsWith('{')) {
      if (part !== text) return undefined;
      continue;
    }
    const decoded = decode(text);
    if (decoded === undefined || decoded === '') return undefined;
    found[part.slice(1, -1)] = decoded;
  }
  return found;
}

/** A path that is `root` or lies below it has no parameters; undefined for any other. */
export const matchBelow = (root: string, path: string): PathParameters | undefined =>
  path === root || path.startsWith(`${root}/`) ? {} : undefined;

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
