// Whether a string may be a name of some form; the answers are the reasons why not, empty when it may.
// Source: apimachinery pkg/util/validation and pkg/api/validate/content.
import { byteLength } from './go-format.ts';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const UNDERSCORE_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const UNDERSCORE_SUBDOMAIN = `${UNDERSCORE_LABEL}(\\.${UNDERSCORE_LABEL})*`;
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const WILDCARD = `\\*\\.${SUBDOMAIN}`;
const C_IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const VALUE = `(${KEY})?`;
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const PERCENT = '[0-9]+%';
const HTTP_HEADER = '[-A-Za-z0-9]+';

const whole = (pattern: string, flags = ''): RegExp => new RegExp(`^(?:${pattern})$`, flags);
const LABEL_RE = whole(LABEL);
const SUBDOMAIN_RE = whole(SUBDOMAIN);
const UNDERSCORE_SUBDOMAIN_RE = whole(UNDERSCORE_SUBDOMAIN);
const LABEL_1035_RE = whole(LABEL_1035);
const WILDCARD_RE = whole(WILDCARD);
const C_IDENTIFIER_RE = whole(C_IDENTIFIER);
const KEY_RE = whole(KEY);
const VALUE_RE = whole(VALUE);
const CONFIG_KEY_RE = whole(CONFIG_KEY);
const PERCENT_RE = whole(PERCENT);
const HTTP_HEADER_RE = whole(HTTP_HEADER);

/** Bytes. Source: DNS1123LabelMaxLength. */
export const LABEL_MAX_LENGTH = 63;
/** Bytes. Source: DNS1123SubdomainMaxLength. */
export const SUBDOMAIN_MAX_LENGTH = 253;
/** Bytes. Source: LabelValueMaxLength. */
export const LABEL_VALUE_MAX_LENGTH = 63;

export const EMPTY = 'must be non-empty';
/** Source: validation.MaxLenError. */
export const maxLength = (max: number): string => `must be no more than ${max} characters`;
/** Source: content.MaxLenError. */
export const maxBytes = (max: number): string => `must be no more than ${max} bytes`;
/** Source: validation.InclusiveRangeError. */
export const inclusiveRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;

/** Source: validation.RegexError. */
export function regexError(message: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  return `${message} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${pattern}')`;
}

const OK: readonly string[] = [];

/** Most names are right: answered without allocating. */
function check(value: string, max: number, tooLong: (max: number) => string, why: () => string | undefined): readonly string[] {
  const problem = why();
  const long = value.length > max || (value.length * 3 > max && byteLength(value) > max);
  if (!long) return problem === undefined ? OK : [problem];
  return problem === undefined ? [tooLong(max)] : [tooLong(max), problem];
}

const LABEL_MESSAGE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

/** Source: IsDNS1123Label. */
export function dns1123Label(value: string): readonly string[] {
  return check(value, LABEL_MAX_LENGTH, maxLength, () => {
    if (LABEL_RE.test(value)) return undefined;
    return SUBDOMAIN_RE.test(value) ? 'must not contain dots' : regexError(LABEL_MESSAGE, LABEL, 'my-name', '123-abc');
  });
}

/** Source: IsDNS1123Subdomain. */
export function dns1123Subdomain(value: string): readonly string[] {
  return check(value, SUBDOMAIN_MAX_LENGTH, maxLength, () =>
    SUBDOMAIN_RE.test(value) ? undefined : regexError(SUBDOMAIN_MESSAGE, SUBDOMAIN, 'example.com'),
  );
}

/** As dns1123Subdomain, its length in bytes. Source: content.IsDNS1123Subdomain. */
export function contentSubdomain(value: string): readonly string[] {
  return check(value, SUBDOMAIN_MAX_LENGTH, maxBytes, () =>
    SUBDOMAIN_RE.test(value) ? undefined : regexError(SUBDOMAIN_MESSAGE, SUBDOMAIN, 'example.com'),
  );
}

/** Source: IsDNS1123SubdomainWithUnderscore. */
export function dns1123SubdomainWithUnderscore(value: string): readonly string[] {
  return check(value, SUBDOMAIN_MAX_LENGTH, maxLength, () =>
    UNDERSCORE_SUBDOMAIN_RE.test(value)
      ? undefined
      : regexError(
          "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
          UNDERSCORE_SUBDOMAIN,
          'example.com',
        ),
  );
}

/** Source: IsDNS1035Label. */
export function dns1035Label(value: string): readonly string[] {
  return check(value, LABEL_MAX_LENGTH, maxLength, () =>
    LABEL_1035_RE.test(value)
      ? undefined
      : regexError(
          "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
          LABEL_1035,
          'my-name',
          'abc-123',
        ),
  );
}

/** Source: IsWildcardDNS1123Subdomain. */
export function wildcardSubdomain(value: string): readonly string[] {
  return check(value, SUBDOMAIN_MAX_LENGTH, maxLength, () =>
    WILDCARD_RE.test(value)
      ? undefined
      : regexError(
          "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
          WILDCARD,
          '*.example.com',
        ),
  );
}

/** Source: IsCIdentifier. */
export function cIdentifier(value: string): readonly string[] {
  if (C_IDENTIFIER_RE.test(value)) return OK;
  const message =
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'";
  return [regexError(message, C_IDENTIFIER, 'my_name', 'MY_NAME', 'MyName')];
}

const KEY_MESSAGE = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const keyError = (): string => regexError(KEY_MESSAGE, KEY, 'MyName', 'my.name', '123-abc');

/** `[prefix/]name`: label and annotation keys, resource names, finalizers. Source: IsQualifiedName, content.IsLabelKey. */
export function qualifiedName(value: string): readonly string[] {
  const parts = value.split('/');
  if (parts.length > 2) {
    return [`a valid label key ${keyError()} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = parts.at(-1) as string;
  const errors: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    if (prefix === '') errors.push(`prefix part ${EMPTY}`);
    else for (const why of contentSubdomain(prefix)) errors.push(`prefix part ${why}`);
  }
  if (name === '') errors.push(`name part ${EMPTY}`);
  else if (byteLength(name) > LABEL_MAX_LENGTH) errors.push(`name part ${maxBytes(LABEL_MAX_LENGTH)}`);
  if (!KEY_RE.test(name)) errors.push(`name part ${keyError()}`);
  return errors;
}

/** Source: IsValidLabelValue. */
export function labelValue(value: string): readonly string[] {
  return check(value, LABEL_VALUE_MAX_LENGTH, maxBytes, () =>
    VALUE_RE.test(value)
      ? undefined
      : regexError(
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
          VALUE,
          'MyValue',
          'my_value',
          '12345',
        ),
  );
}

/** Source: IsValidPortNum. */
export function portNumber(value: number): readonly string[] {
  return value >= 1 && value <= 65535 ? OK : [inclusiveRange(1, 65535)];
}

/** Source: IsInRange. */
export function inRange(value: number | bigint, low: number, high: number): readonly string[] {
  return value >= low && value <= high ? OK : [inclusiveRange(low, high)];
}

/** User and group ids. Source: IsValidUserID, IsValidGroupID. */
export function userOrGroupId(value: number | bigint): readonly string[] {
  return inRange(value, 0, 2 ** 31 - 1);
}

const PORT_NAME_LENGTH = 15;

/** An IANA service name. Source: IsValidPortName. */
export function portName(value: string): readonly string[] {
  const errors: string[] = [];
  if (byteLength(value) > PORT_NAME_LENGTH) errors.push(maxLength(PORT_NAME_LENGTH));
  if (!/^[-a-z0-9]+$/.test(value)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)');
  if (value.includes('--')) errors.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

/** `25%`. Source: IsValidPercent. */
export function percent(value: string): readonly string[] {
  if (PERCENT_RE.test(value)) return OK;
  return [regexError("a valid percent string must be a numeric string followed by an ending '%'", PERCENT, '1%', '93%')];
}

/** Source: IsHTTPHeaderName. */
export function httpHeaderName(value: string): readonly string[] {
  if (HTTP_HEADER_RE.test(value)) return OK;
  return [regexError("a valid HTTP header must consist of alphanumeric characters or '-'", HTTP_HEADER, 'X-Header-Name')];
}

/** Source: IsRelaxedEnvVarName. */
export function relaxedEnvVarName(value: string): readonly string[] {
  if (value === '') return [`environment variable name ${EMPTY}`];
  if (/^[\x20-\x3c\x3e-\x7e]*$/.test(value)) return OK;
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** Source: IsConfigMapKey. */
export function configMapKey(value: string): readonly string[] {
  const errors = check(value, SUBDOMAIN_MAX_LENGTH, maxLength, () =>
    CONFIG_KEY_RE.test(value)
      ? undefined
      : regexError(
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
          CONFIG_KEY,
          'key.name',
          'KEY_NAME',
          'key-name',
        ),
  );
  const directory = parentDirectoryPrefix(value);
  return directory.length === 0 ? errors : [...errors, ...directory];
}

/** Source: hasChDirPrefix. */
function parentDirectoryPrefix(value: string): readonly string[] {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : OK;
}

/** What a name must not hold to be one segment of a URL. Source: content.IsPathSegmentName. */
export function pathSegmentName(value: string): readonly string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return pathSegmentPrefix(value);
}

/** Source: content.IsPathSegmentPrefix. */
export function pathSegmentPrefix(value: string): readonly string[] {
  return ['/', '%'].filter((illegal) => value.includes(illegal)).map((illegal) => `may not contain '${illegal}'`);
}

/** Source: content.IsDecimalInteger. */
export function decimalInteger(value: string): readonly string[] {
  if (value === '') return [EMPTY];
  return /^(?:0|-?[1-9][0-9]*)$/.test(value) ? OK : ['must be a valid decimal integer in canonical form'];
}
