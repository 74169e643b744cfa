// Tokens of a file: `token,user,uid,"group1,group2"` a line. Source: apiserver pkg/authentication/token/tokenfile.
import type { UserInfo } from '../contract.ts';
import type { TokenAuthenticator } from './contract.ts';

/** @throws Error for a line with fewer than three columns */
export function staticTokens(text: string, own: readonly string[]): TokenAuthenticator {
  const users = new Map<string, UserInfo>();
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const [token = '', name, uid, groups = ''] = columns(line);
    if (name === undefined || uid === undefined) {
      throw new Error(`token file line ${at + 1}: must have at least 3 columns (token, user name, user uid)`);
    }
    if (token === '' || users.has(token)) continue; // the first of equal ones stays
    users.set(token, { name, uid, groups: groups.split(',').filter((group) => group !== '') });
  }
  return {
    name: 'tokenfile',
    authenticate(token, wanted) {
      const user = users.get(token);
      const audiences = own.filter((audience) => wanted.includes(audience));
      return user === undefined || audiences.length === 0 ? undefined : { user, audiences };
    },
  };
}

/** Of one CSV line; quotes inside quotes are doubled. */
function columns(line: string): readonly string[] {
  const found: string[] = [];
  for (const match of line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)/g)) {
    if (match.index === line.length && found.length > 0 && !line.endsWith(',')) break;
    found.push(match[1]?.replaceAll('""', '"') ?? (match[2] ?? '').trim());
  }
  return found;
}
