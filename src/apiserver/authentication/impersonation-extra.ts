// Which extra values constrained impersonation may set. Source: impersonation mode.go validateExtra.
import { goQuote } from '#apimachinery/go-format.ts';
import { dns1123Subdomain } from '#apimachinery/names.ts';

/** What is wrong with the first bad one. */
export function checkExtra(extra: readonly (readonly [string, readonly string[]])[]): string | undefined {
  for (const [key, values] of extra) {
    if (key === '') return 'impersonating the empty string key in extra is not allowed';
    const problem = domainPrefixedPath(key);
    if (problem !== undefined) return `impersonating an invalid key in extra is not allowed: extra.key: ${problem}`;
    if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${goQuote(key)}`;
    if (values.length === 0) return 'impersonating empty values in extra is not allowed';
    if (values.includes('')) return 'impersonating the empty string value in extra is not allowed';
  }
  return undefined;
}

const PATH_CHARACTERS = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const PATH = new RegExp(`^${PATH_CHARACTERS}$`);

/** `example.com/some/path`. Source: validation.IsDomainPrefixedPath. */
function domainPrefixedPath(key: string): string | undefined {
  const slash = key.indexOf('/');
  if (slash <= 0 || slash === key.length - 1)
    return `Invalid value: ${goQuote(key)}: must be a domain-prefixed path (such as "acme.io/foo")`;
  const host = key.slice(0, slash);
  const [problem] = dns1123Subdomain(host);
  if (problem !== undefined) return `Invalid value: ${goQuote(host)}: ${problem}`;
  if (PATH.test(key.slice(slash + 1))) return undefined;
  return `Invalid value: ${goQuote(key.slice(slash + 1))}: Invalid path (regex used for validation is '${PATH_CHARACTERS}')`;
}
