// Names that carry a domain: `example.com/controller`. Source: apimachinery util/validation.
import { invalid, required, type FieldError } from '#apimachinery/field-errors.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { dns1123Subdomain, regexError } from '#apimachinery/names.ts';

const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const HTTP_PATH_RE = new RegExp(`^(?:${HTTP_PATH})$`);

/** Source: IsDomainPrefixedPath. */
export function domainPrefixedPath(at: Path, text: string): readonly FieldError[] {
  if (text === '') return [required(at, '')];
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const path = slash < 0 ? '' : text.slice(slash + 1);
  if (host === '' || path === '') return [invalid(at, text, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = dns1123Subdomain(host).map((reason) => invalid(at, host, reason));
  return HTTP_PATH_RE.test(path) ? errors : [...errors, invalid(at, path, regexError('Invalid path', HTTP_PATH))];
}
