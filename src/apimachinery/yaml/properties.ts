// What stands before nodes and documents: anchors, aliases, tags, directives. Source: YAML 1.1, chapters 6.8 and 6.9, as
// libyaml's scanner.c reads them.
import { isBlank, isBreak, isSpace, isWord, type Cursor, type Mark } from './cursor.ts';
import type { Token } from './tokens.ts';

function readWord(cursor: Cursor): string {
  let word = '';
  while (isWord(cursor.peek())) word += cursor.take();
  return word;
}

/** Stands at `&` or `*`. */
export function readAnchor(cursor: Cursor): Token {
  const start = cursor.mark();
  const kind = cursor.take() === '*' ? 'alias' : 'anchor';
  const name = readWord(cursor);
  const next = cursor.peek();
  if (name === '' || !(isSpace(next) || '?:,]}%@`'.includes(next)))
    cursor.fail('did not find expected alphabetic or numeric character', start);
  return { kind, name, start };
}

/** Stands at `!`. */
export function readTag(cursor: Cursor): Token {
  const start = cursor.mark();
  let handle = '';
  let suffix: string;
  if (cursor.peek(1) === '<') {
    cursor.skip(2);
    suffix = readUri(cursor, start, '');
    if (cursor.peek() !== '>') cursor.fail("did not find the expected '>'", start);
    cursor.take();
  } else {
    handle = readHandle(cursor, start, false);
    if (handle.length > 1 && handle.endsWith('!')) suffix = readUri(cursor, start, '');
    else {
      suffix = readUri(cursor, start, handle);
      handle = suffix === '' ? '' : '!';
      suffix ||= '!';
    }
  }
  if (!isSpace(cursor.peek())) cursor.fail('did not find expected whitespace or line break', start);
  return { kind: 'tag', handle, suffix, start };
}

/** `!`, `!!` or `!name!`; of a tag also `!text`, whose text belongs to the tag. */
function readHandle(cursor: Cursor, start: Mark, directive: boolean): string {
  if (cursor.peek() !== '!') cursor.fail("did not find expected '!'", start);
  let handle = cursor.take() + readWord(cursor);
  if (cursor.peek() === '!') handle += cursor.take();
  else if (directive && handle !== '!') cursor.fail("did not find expected '!'", start);
  return handle;
}

const isUriCharacter = (char: string): boolean => char !== '' && (isWord(char) || ";/?:@&=+$.!~*'()%,[]".includes(char));

/** @param head the handle that this goes on with; its first character is left out */
function readUri(cursor: Cursor, start: Mark, head: string): string {
  let uri = head.slice(1);
  let found = head !== '';
  for (let char = cursor.peek(); isUriCharacter(char); char = cursor.peek()) {
    uri += char === '%' ? readOctets(cursor, start) : cursor.take();
    found = true;
  }
  if (!found) cursor.fail('did not find expected tag URI', start);
  return uri;
}

/** The bytes of one character, each as `%41`. */
function readOctets(cursor: Cursor, start: Mark): string {
  const octet = (): number => {
    const [percent, high, low] = [cursor.peek(), cursor.peek(1), cursor.peek(2)];
    if (percent !== '%' || !/^[0-9a-fA-F]{2}$/.test(high + low)) cursor.fail('did not find URI escaped octet', start);
    return Number.parseInt(high + low, 16);
  };
  const first = octet();
  const width = first < 0x80 ? 1 : first >> 5 === 0b110 ? 2 : first >> 4 === 0b1110 ? 3 : first >> 3 === 0b11110 ? 4 : 0;
  if (width === 0) cursor.fail('found an incorrect leading UTF-8 octet', start);
  cursor.skip(3);
  const bytes = [first];
  while (bytes.length < width) {
    const next = octet();
    if (next >> 6 !== 0b10) cursor.fail('found an incorrect trailing UTF-8 octet', start);
    bytes.push(next);
    cursor.skip(3);
  }
  return Buffer.from(bytes).toString();
}

/** Stands at `%`, and at the next line after it. */
export function readDirective(cursor: Cursor): Token {
  const start = cursor.mark();
  cursor.take();
  const name = readWord(cursor);
  if (name === '') cursor.fail('could not find expected directive name', start);
  if (!isSpace(cursor.peek())) cursor.fail('found unexpected non-alphabetical character', start);
  if (name !== 'YAML' && name !== 'TAG') cursor.fail('found unknown directive name', start);
  cursor.skipBlanks();
  const token: Token = name === 'YAML' ? readVersion(cursor, start) : readTagDirective(cursor, start);
  cursor.skipBlanks();
  cursor.skipComment();
  if (cursor.peek() !== '' && !isBreak(cursor.peek())) cursor.fail('did not find expected comment or line break', start);
  if (isBreak(cursor.peek())) cursor.takeBreak();
  return token;
}

function readVersion(cursor: Cursor, start: Mark): Token {
  const number = (): number => {
    let digits = '';
    while (/^[0-9]$/.test(cursor.peek())) {
      digits += cursor.take();
      if (digits.length > 9) cursor.fail('found extremely long version number', start);
    }
    if (digits === '') cursor.fail('did not find expected version number', start);
    return Number(digits);
  };
  const major = number();
  if (cursor.peek() !== '.') cursor.fail("did not find expected digit or '.' character", start);
  cursor.take();
  return { kind: 'version', major, minor: number(), start };
}

function readTagDirective(cursor: Cursor, start: Mark): Token {
  const handle = readHandle(cursor, start, true);
  if (!isBlank(cursor.peek())) cursor.fail('did not find expected whitespace', start);
  cursor.skipBlanks();
  const prefix = readUri(cursor, start, '');
  if (!isSpace(cursor.peek())) cursor.fail('did not find expected whitespace or line break', start);
  return { kind: 'tag-directive', handle, prefix, start };
}
