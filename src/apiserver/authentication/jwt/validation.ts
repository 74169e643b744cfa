// pure
// What is wrong with an AuthenticationConfiguration. Expressions are compiled where they are used.
// Source: apiserver pkg/apis/apiserver/validation/validation.go ValidateAuthenticationConfiguration.
import { X509Certificate } from 'node:crypto';
import { domainPrefixedPath } from '#api/validation/domain-path.ts';
import { duplicate, invalid, required, tooMany, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { refuseConfiguration } from '../../configuration/decode.ts';
import { decodeAuthenticationConfiguration, type AuthenticationConfiguration, type JwtIssuer } from './configuration.ts';
import { selectsClaim } from './selects-claim.ts';

const MAX_ISSUERS = 64;

/** @param disallowed issuers whose tokens are the server's own. @throws ConfigurationError naming every mistake */
export function readAuthenticationConfiguration(text: string, disallowed: readonly string[] = []): AuthenticationConfiguration {
  return checkedAuthenticationConfiguration(decodeAuthenticationConfiguration(text), disallowed);
}

/** @throws ConfigurationError naming every mistake */
export function checkedAuthenticationConfiguration(
  configuration: AuthenticationConfiguration,
  disallowed: readonly string[],
): AuthenticationConfiguration {
  refuseConfiguration(validate(configuration, disallowed));
  return configuration;
}

function validate({ jwt = [], anonymous }: AuthenticationConfiguration, disallowed: readonly string[]): readonly FieldError[] {
  const root = Path.of('jwt');
  if (jwt.length > MAX_ISSUERS) return [tooMany(root, jwt.length, MAX_ISSUERS)];
  const urls = new Set<string>();
  const discoveries = new Set<string>();
  const errors = jwt.flatMap((one, i) => {
    const at = root.index(i);
    const { url = '', discoveryURL = '' } = issuerOf(one);
    return [
      ...validateIssuer(issuerOf(one), at.child('issuer'), disallowed),
      ...claimRules(one, at.child('claimValidationRules')),
      ...mappings(one, at.child('claimMappings')),
      ...userRules(one, at.child('userValidationRules')),
      ...repeated(urls, url, at.child('issuer').child('url')),
      ...(discoveryURL === '' ? [] : repeated(discoveries, discoveryURL, at.child('issuer').child('discoveryURL'))),
    ];
  });
  if (anonymous?.enabled === false && (anonymous.conditions ?? []).length > 0) {
    errors.push(invalid('anonymous.conditions', anonymous.conditions, 'enabled should be set to true when conditions are defined'));
  }
  return errors;
}

/** Files may leave out what types demand. */
const issuerOf = ({ issuer }: JwtIssuer): Partial<JwtIssuer['issuer']> => (issuer as Partial<JwtIssuer['issuer']> | undefined) ?? {};

function repeated(seen: Set<string>, value: string, at: Path): readonly FieldError[] {
  if (seen.has(value)) return [duplicate(at, value)];
  seen.add(value);
  return [];
}

function validateIssuer(issuer: Partial<JwtIssuer['issuer']>, at: Path, disallowed: readonly string[]): readonly FieldError[] {
  const { url = '', discoveryURL = '', certificateAuthority = '', egressSelectorType = '' } = issuer;
  const errors: FieldError[] = url === '' ? [required(at.child('url'), '')] : [...httpsUrl(url, at.child('url'), disallowed)];
  if (discoveryURL !== '') {
    const place = at.child('discoveryURL');
    if (url !== '' && discoveryURL.replace(/\/+$/, '') === url.replace(/\/+$/, ''))
      errors.push(invalid(place, discoveryURL, 'discoveryURL must be different from URL'));
    errors.push(...httpsUrl(discoveryURL, place, []));
  }
  errors.push(...audiences(issuer, at));
  if (certificateAuthority !== '' && !isCertificates(certificateAuthority))
    errors.push(invalid(at.child('certificateAuthority'), '<omitted>', 'data does not contain any valid RSA or ECDSA certificates'));
  if (egressSelectorType !== '' && egressSelectorType !== 'controlplane' && egressSelectorType !== 'cluster')
    errors.push(invalid(at.child('egressSelectorType'), egressSelectorType, 'egress selector must be either controlplane or cluster'));
  return errors;
}

function httpsUrl(url: string, at: Path, disallowed: readonly string[]): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (disallowed.includes(url)) {
    errors.push(invalid(at, url, `URL must not overlap with disallowed issuers: [${disallowed.toSorted().join(' ')}]`));
  }
  if (!URL.canParse(url)) {
    const why = url.includes(':') ? `parse ${goQuote(url)}: invalid URL` : 'URL scheme must be https';
    return [...errors, invalid(at, url, why)];
  }
  const { protocol, username, password, search, hash } = new URL(url);
  if (protocol !== 'https:') errors.push(invalid(at, url, 'URL scheme must be https'));
  if (username !== '' || password !== '') errors.push(invalid(at, url, 'URL must not contain a username or password'));
  if (search !== '') errors.push(invalid(at, url, 'URL must not contain a query'));
  if (hash !== '') errors.push(invalid(at, url, 'URL must not contain a fragment'));
  return errors;
}

function audiences(
  { audiences: given = [], audienceMatchPolicy: policy = '' }: Partial<JwtIssuer['issuer']>,
  at: Path,
): readonly FieldError[] {
  const place = at.child('audiences');
  if (given.length === 0) return [required(place, `at least one ${place.toString()} is required`)];
  const seen = new Set<string>();
  const errors = given.flatMap((audience, i) => [
    ...(audience === '' ? [required(place.index(i), '')] : []),
    ...repeated(seen, audience, place.index(i)),
  ]);
  if (policy === 'MatchAny' || (policy === '' && given.length === 1)) return errors;
  const why =
    given.length > 1
      ? 'audienceMatchPolicy must be MatchAny for multiple audiences'
      : 'audienceMatchPolicy must be empty or MatchAny for single audience';
  return [...errors, invalid(at.child('audienceMatchPolicy'), policy, why)];
}

function isCertificates(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false; // OpenSSL's words for it are not the point
  }
}

function claimRules({ claimValidationRules = [] }: JwtIssuer, root: Path): readonly FieldError[] {
  const claims = new Set<string>();
  const expressions = new Set<string>();
  return claimValidationRules.flatMap(({ claim = '', requiredValue = '', expression = '', message = '' }, i) => {
    const at = root.index(i);
    if (claim !== '' && expression !== '') return [invalid(at, claim, "claim and expression can't both be set")];
    if (claim === '' && expression === '') return [required(at, 'claim or expression is required')];
    if (claim === '') {
      return [
        ...(requiredValue === '' ? [] : [invalid(at.child('requiredValue'), requiredValue, 'may not be specified when expression is set')]),
        ...repeated(expressions, expression, at.child('expression')),
      ];
    }
    return [
      ...(message === '' ? [] : [invalid(at.child('message'), message, 'may not be specified when claim is set')]),
      ...repeated(claims, claim, at.child('claim')),
    ];
  });
}

function userRules({ userValidationRules = [] }: JwtIssuer, root: Path): readonly FieldError[] {
  const seen = new Set<string>();
  return userValidationRules.flatMap(({ expression }, i) => {
    const at = root.index(i).child('expression');
    return expression ? repeated(seen, expression, at) : [required(at, '')];
  });
}

function mappings({ claimMappings, claimValidationRules = [] }: JwtIssuer, at: Path): readonly FieldError[] {
  const { username = {}, groups = {}, uid = {}, extra = [] } = (claimMappings as Partial<JwtIssuer['claimMappings']> | undefined) ?? {};
  const errors: FieldError[] = [
    ...prefixed(username, at.child('username')),
    ...(groups.claim || groups.expression ? prefixed(groups, at.child('groups')) : []),
  ];
  if (uid.claim && uid.expression) errors.push(invalid(at.child('uid'), '', "claim and expression can't both be set"));
  const keys = new Set<string>();
  for (const [i, { key = '', valueExpression = '' }] of extra.entries()) {
    const place = at.child('extra').index(i);
    errors.push(...domainPrefixedPath(place.child('key'), key));
    if (key !== key.toLowerCase()) errors.push(invalid(place.child('key'), key, 'must be lowercase'));
    if (/^([^/]*\.)?(kubernetes|k8s)\.io\//.test(key))
      errors.push(invalid(place.child('key'), key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use'));
    const again = repeated(keys, key, place.child('key'));
    errors.push(...again);
    if (again.length === 0 && valueExpression === '') errors.push(required(place.child('valueExpression'), ''));
  }
  const verifying = [
    username.expression,
    ...extra.map(({ valueExpression }) => valueExpression),
    ...claimValidationRules.map((rule) => rule.expression),
  ];
  const uses = (expression: string | undefined, claim: string): boolean => expression !== undefined && selectsClaim(expression, claim);
  if (uses(username.expression, 'email') && !verifying.some((one) => uses(one, 'email_verified'))) {
    const where = 'claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression';
    const why = `claims.email_verified must be used in ${where} when claims.email is used in claimMappings.username.expression`;
    errors.push(invalid(at.child('username').child('expression'), username.expression, why));
  }
  return errors;
}

function prefixed({ claim, prefix, expression }: JwtIssuer['claimMappings']['username'], at: Path): readonly FieldError[] {
  if (claim && expression) return [invalid(at, '', "claim and expression can't both be set")];
  if (!claim && !expression) return [required(at, 'claim or expression is required')];
  if (expression) return prefix === undefined ? [] : [invalid(at.child('prefix'), prefix, 'may not be specified when expression is set')];
  const why = 'prefix is required when claim is set. It can be set to an empty string to disable prefixing';
  return prefix === undefined ? [required(at.child('prefix'), why)] : [];
}
