// pure. A user as a trusted proxy names it. Source: client-go transport SetAuthProxyHeaders, headerKeyEscape.
import type { UserInfo } from '../authentication/contract.ts';

/** RFC 9110 token characters, but for the percent sign, which escapes. */
const TOKEN = /^[!#$&'*+\-.^_`|~0-9A-Za-z]$/;

const escaped = (key: string): string =>
  [...Buffer.from(key)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return TOKEN.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

export function userHeaders({ name, uid = '', groups, extra = {} }: UserInfo): Readonly<Record<string, string | string[]>> {
  const headers: Record<string, string | string[]> = { 'X-Remote-User': name };
  if (uid !== '') headers['X-Remote-Uid'] = uid;
  if (groups.length > 0) headers['X-Remote-Group'] = [...groups];
  for (const [key, values] of Object.entries(extra)) headers[`X-Remote-Extra-${escaped(key)}`] = [...values];
  return headers;
}
