// pure

/**
 * `text` without the `character`s it ends with. The pattern that says so, `/x+$/`, is tried anew from each of them where another
 * character follows: minutes for a mebibyte.
 */
export function trimEnd(text: string, character: string): string {
  let end = text.length;
  while (text[end - 1] === character) end--;
  return text.slice(0, end);
}
