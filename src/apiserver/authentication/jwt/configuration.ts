// pure
// AuthenticationConfiguration: JWT issuers and who may be anonymous. Source: apiserver pkg/apis/apiserver/v1 types.go,
// validation/validation.go.
import { forbidden, invalid, required, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { decodeConfiguration, refuseConfiguration, type ConfigurationKind, type Shape } from '../../configuration/decode.ts';

export interface PrefixedClaimOrExpression {
  readonly claim?: string;
  readonly prefix?: string;
  readonly expression?: string;
}

export interface JwtIssuer {
  readonly issuer: {
    readonly url: string;
    readonly discoveryURL?: string;
    /** PEM. */
    readonly certificateAuthority?: string;
    readonly audiences: readonly string[];
    readonly audienceMatchPolicy?: string;
  };
  readonly claimValidationRules?: readonly {
    readonly claim?: string;
    readonly requiredValue?: string;
    readonly expression?: string;
    readonly message?: string;
  }[];
  readonly claimMappings: {
    readonly username: PrefixedClaimOrExpression;
    readonly groups?: PrefixedClaimOrExpression;
    readonly uid?: { readonly claim?: string; readonly expression?: string };
    readonly extra?: readonly { readonly key: string; readonly valueExpression: string }[];
  };
  readonly userValidationRules?: readonly { readonly expression: string; readonly message?: string }[];
}

export interface AuthenticationConfiguration {
  readonly jwt?: readonly JwtIssuer[];
  readonly anonymous?: { readonly enabled: boolean; readonly conditions?: readonly { readonly path: string }[] };
}

const PREFIXED: Shape = { fields: { claim: 'string', prefix: 'string', expression: 'string' } };
const KIND: ConfigurationKind = {
  kind: 'AuthenticationConfiguration',
  apiVersions: ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1beta1', 'apiserver.config.k8s.io/v1alpha1'],
  shape: {
    fields: {
      anonymous: { fields: { enabled: 'boolean', conditions: { list: { fields: { path: 'string' } } } } },
      jwt: {
        list: {
          fields: {
            issuer: {
              fields: {
                url: 'string',
                discoveryURL: 'string',
                certificateAuthority: 'string',
                audiences: { list: 'string' },
                audienceMatchPolicy: 'string',
              },
            },
            claimValidationRules: {
              list: { fields: { claim: 'string', requiredValue: 'string', expression: 'string', message: 'string' } },
            },
            claimMappings: {
              fields: {
                username: PREFIXED,
                groups: PREFIXED,
                uid: { fields: { claim: 'string', expression: 'string' } },
                extra: { list: { fields: { key: 'string', valueExpression: 'string' } } },
              },
            },
            userValidationRules: { list: { fields: { expression: 'string', message: 'string' } } },
          },
        },
      },
    },
  },
};

/** Source: DisallowedIssuers' bound on the number of authenticators. */
const MAX_ISSUERS = 64;

/** Expressions are compiled where they are used. @throws ConfigurationError naming every mistake */
export function readAuthenticationConfiguration(text: string): AuthenticationConfiguration {
  const configuration = decodeConfiguration<AuthenticationConfiguration>(text, KIND);
  refuseConfiguration(validate(configuration));
  return configuration;
}

function validate({ jwt = [], anonymous }: AuthenticationConfiguration): readonly FieldError[] {
  const root = Path.of('jwt');
  const errors: FieldError[] = jwt.length > MAX_ISSUERS ? [forbidden(root, `must have at most ${MAX_ISSUERS} items`)] : [];
  const seen = new Set<string>();
  for (const [i, one] of jwt.entries()) {
    errors.push(...validateIssuer(one, root.index(i), seen));
    errors.push(...validateMappings(one, root.index(i)));
  }
  if (anonymous?.enabled === false && (anonymous.conditions ?? []).length > 0) {
    errors.push(invalid('anonymous.conditions', anonymous.conditions, 'enabled should be set to true when conditions are defined'));
  }
  return errors;
}

function validateIssuer({ issuer }: JwtIssuer, at: Path, seen: Set<string>): readonly FieldError[] {
  const { url = '', discoveryURL, audiences = [], audienceMatchPolicy = '' } = (issuer as Partial<JwtIssuer['issuer']> | undefined) ?? {};
  const place = at.child('issuer');
  const errors: FieldError[] = [...httpsUrl(url, place.child('url'))];
  if (seen.has(url)) errors.push(invalid(place.child('url'), url, 'duplicate issuer'));
  seen.add(url);
  if (discoveryURL !== undefined) {
    errors.push(...httpsUrl(discoveryURL, place.child('discoveryURL')));
    if (discoveryURL.replace(/\/$/, '') === url.replace(/\/$/, '')) {
      errors.push(invalid(place.child('discoveryURL'), discoveryURL, 'discoveryURL must be different from URL'));
    }
  }
  if (audiences.length === 0) errors.push(required(place.child('audiences'), 'at least one jwt[].issuer.audiences is required'));
  if (audiences.length > 1 && audienceMatchPolicy !== 'MatchAny') {
    errors.push(
      invalid(place.child('audienceMatchPolicy'), audienceMatchPolicy, 'audienceMatchPolicy must be MatchAny for multiple audiences'),
    );
  }
  return errors;
}

function httpsUrl(url: string, at: Path): readonly FieldError[] {
  if (url === '') return [required(at, 'URL is required')];
  if (!URL.canParse(url)) return [invalid(at, url, 'URL is invalid')];
  const { protocol, username, search, hash } = new URL(url);
  if (protocol !== 'https:') return [invalid(at, url, 'URL scheme must be https')];
  if (username !== '') return [invalid(at, url, 'URL must not contain a username or password')];
  if (search !== '') return [invalid(at, url, 'URL must not contain a query')];
  return hash === '' ? [] : [invalid(at, url, 'URL must not contain a fragment')];
}

function validateMappings({ claimMappings, claimValidationRules = [] }: JwtIssuer, at: Path): readonly FieldError[] {
  const { username = {}, groups, uid, extra = [] } = (claimMappings as Partial<JwtIssuer['claimMappings']> | undefined) ?? {};
  const place = at.child('claimMappings');
  const errors: FieldError[] = [];
  const both = (value: PrefixedClaimOrExpression | undefined, path: Path): void => {
    if (value?.claim && value.expression) errors.push(invalid(path, '', "claim and expression can't both be set"));
    if (value?.expression && value.prefix !== undefined)
      errors.push(invalid(path.child('prefix'), value.prefix, "prefix can't be set when expression is set"));
    if (value?.claim && path !== uidPath && value.prefix === undefined) {
      errors.push(
        required(path.child('prefix'), 'prefix is required when claim is set. It can be set to an empty string to disable prefixing'),
      );
    }
  };
  const uidPath = place.child('uid');
  if (!username.claim && !username.expression) errors.push(required(place.child('username'), 'claim or expression is required'));
  both(username, place.child('username'));
  both(groups, place.child('groups'));
  both(uid, uidPath);
  for (const [i, { key }] of extra.entries()) {
    const path = place.child('extra').index(i).child('key');
    if (key === '') errors.push(required(path, 'key is required'));
    else if (key !== key.toLowerCase()) errors.push(invalid(path, key, 'key must be lowercase'));
    else if (!key.includes('/')) errors.push(invalid(path, key, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  }
  for (const [i, { claim, expression }] of claimValidationRules.entries()) {
    const path = at.child('claimValidationRules').index(i);
    if (claim && expression) errors.push(invalid(path, expression, "claim and expression can't both be set"));
    if (!claim && !expression) errors.push(required(path, 'claim or expression is required'));
  }
  return errors;
}
