// Where a list in pages goes on. Pure. Source: storage/continue.go.
import { jsonKind } from '#api/decode/go-errors.ts';
import { badRequest } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { JsonError, parseJson } from '#apimachinery/json.ts';

const TOKEN_VERSION = 'meta.k8s.io/v1';

export interface ContinueToken {
  /** Revision all pages are read at; -1: the newest, after a token expired. */
  readonly revision: number;
  /** First key wanted, within the resource: `namespace/name`. */
  readonly start: string;
}

export function encodeContinue({ revision, start }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: TOKEN_VERSION, rv: revision, start })).toString('base64url');
}

/** The token that continues after `key`. */
export const continueAfter = (key: string, revision: number): string => encodeContinue({ revision, start: `${key}\0` });

const refuse = (why: string): Error => badRequest(`invalid continue token: continue key is not valid${why}`);

/** @throws StatusError BadRequest */
export function decodeContinue(text: string): ContinueToken {
  const token = read(text);
  if (token.v !== TOKEN_VERSION) throw refuse(`: server does not recognize this encoded version ${String(token.v ?? '')}`);
  if (typeof token.rv !== 'number' || !Number.isSafeInteger(token.rv) || token.rv === 0) {
    throw refuse(': incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  }
  if (typeof token.start !== 'string' || token.start === '') throw refuse(': encoded start key empty (version meta.k8s.io/v1)');
  // A start outside the resource must not be reachable: no empty, `.` or `..` segment.
  const start = token.start.startsWith('/') ? token.start.slice(1) : token.start;
  if (start.split('/').some((part) => part === '' || part === '.' || part === '..')) throw refuse(`: ${token.start}`);
  return { revision: token.rv, start };
}

/** Where Go's RawURLEncoding stops; -1 where it does not. A last group of one character is no byte. */
function illegalByte(text: string): number {
  const index = text.search(/[^A-Za-z0-9_-]/);
  return index === -1 && text.length % 4 === 1 ? text.length - 1 : index;
}

function read(text: string): { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown } {
  const illegal = illegalByte(text);
  if (illegal !== -1) throw refuse(`: illegal base64 data at input byte ${illegal}`);
  const bytes = Buffer.from(text, 'base64url');
  const [first = 0] = bytes;
  // Go names the byte, as it would be quoted.
  if (first > 0x7f)
    throw refuse(`: invalid character '${goQuote(String.fromCharCode(first)).slice(1, -1)}' looking for beginning of value`);
  try {
    const value = parseJson(bytes.toString());
    if (isObject(value)) return value;
    throw refuse(`: json: cannot unmarshal ${jsonKind(value)} into Go value of type storage.continueToken`);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw refuse(`: ${error.message}`);
  }
}
