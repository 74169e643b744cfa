// pure
// The path a request asks for, whoever wrote it.

/** Without query; never throws. `target` is of a request line: usually a path, which may begin as `//` and names no host then. */
export function requestPath(target = '/'): string {
  return URL.parse(target.startsWith('/') ? `http://host${target}` : target)?.pathname ?? target;
}
