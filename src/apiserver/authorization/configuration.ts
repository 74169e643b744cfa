// pure
// AuthorizationConfiguration: which authorizers are asked, in order. Source: apiserver pkg/apis/apiserver/v1 types.go,
// validation/validation.go ValidateAuthorizationConfiguration.
import { parseDuration, DurationError } from '#apimachinery/duration.ts';
import { duplicate, invalid, notSupported, required, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { decodeConfiguration, refuseConfiguration, type ConfigurationKind } from '../configuration/decode.ts';

export interface WebhookSettings {
  /** Durations as text: `5m`. */
  readonly authorizedTTL?: string;
  readonly cacheAuthorizedRequests?: boolean;
  readonly unauthorizedTTL?: string;
  readonly cacheUnauthorizedRequests?: boolean;
  readonly timeout?: string;
  readonly subjectAccessReviewVersion?: string;
  readonly matchConditionSubjectAccessReviewVersion?: string;
  readonly failurePolicy?: 'NoOpinion' | 'Deny';
  readonly connectionInfo?: { readonly type?: string; readonly kubeConfigFile?: string };
  readonly matchConditions?: readonly { readonly expression: string }[];
}

export type AuthorizerType = 'AlwaysAllow' | 'AlwaysDeny' | 'Node' | 'RBAC' | 'Webhook';

export interface AuthorizerEntry {
  readonly type: AuthorizerType;
  readonly name: string;
  readonly webhook?: WebhookSettings;
}

export interface AuthorizationConfiguration {
  readonly authorizers: readonly AuthorizerEntry[];
}

const TYPES: readonly AuthorizerType[] = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];
const KIND: ConfigurationKind = {
  kind: 'AuthorizationConfiguration',
  apiVersions: ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1beta1', 'apiserver.config.k8s.io/v1alpha1'],
  shape: {
    fields: {
      authorizers: {
        list: {
          fields: {
            type: 'string',
            name: 'string',
            webhook: {
              fields: {
                authorizedTTL: 'string',
                cacheAuthorizedRequests: 'boolean',
                unauthorizedTTL: 'string',
                cacheUnauthorizedRequests: 'boolean',
                timeout: 'string',
                subjectAccessReviewVersion: 'string',
                matchConditionSubjectAccessReviewVersion: 'string',
                failurePolicy: 'string',
                connectionInfo: { fields: { type: 'string', kubeConfigFile: 'string' } },
                matchConditions: { list: { fields: { expression: 'string' } } },
              },
            },
          },
        },
      },
    },
  },
};

/** Source: --authorization-mode. */
export const DEFAULT_AUTHORIZERS: AuthorizationConfiguration = {
  authorizers: [
    { type: 'Node', name: 'node' },
    { type: 'RBAC', name: 'rbac' },
  ],
};

/** @throws ConfigurationError naming every mistake */
export function readAuthorizationConfiguration(text: string): AuthorizationConfiguration {
  const configuration = decodeConfiguration<AuthorizationConfiguration>(text, KIND);
  refuseConfiguration(validate(configuration));
  return configuration;
}

/** Milliseconds. @param fallback where nothing is said */
export function durationOf(text: string | undefined, fallback: number): number {
  return text === undefined ? fallback : parseDuration(text);
}

function validate({ authorizers = [] }: Partial<AuthorizationConfiguration>): readonly FieldError[] {
  const root = Path.of('authorizers');
  if (authorizers.length === 0) return [required(root, 'at least one authorization mode must be defined')];
  const names = new Set<string>();
  const types = new Set<string>();
  return authorizers.flatMap(({ type, name = '', webhook }: Partial<AuthorizerEntry>, i) => {
    const at = root.index(i);
    const errors: FieldError[] = [];
    if (type === undefined) errors.push(required(at.child('type'), ''));
    else if (!TYPES.includes(type)) errors.push(notSupported(at.child('type'), type, TYPES));
    else if (types.has(type) && type !== 'Webhook') errors.push(duplicate(at.child('type'), type));
    if (type !== undefined) types.add(type);
    if (name === '') errors.push(required(at.child('name'), ''));
    else if (names.has(name)) errors.push(duplicate(at.child('name'), name));
    else if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) errors.push(invalid(at.child('name'), name, 'must be a DNS1123 subdomain'));
    names.add(name);
    if (type === 'Webhook' && webhook === undefined) errors.push(required(at.child('webhook'), 'required when type=Webhook'));
    if (type !== 'Webhook' && webhook !== undefined)
      errors.push(invalid(at.child('webhook'), 'non-null', 'may only be specified when type=Webhook'));
    if (type === 'Webhook' && webhook !== undefined) errors.push(...validateWebhook(webhook, at.child('webhook')));
    return errors;
  });
}

function validateWebhook(webhook: WebhookSettings, at: Path): readonly FieldError[] {
  const { timeout, subjectAccessReviewVersion, failurePolicy, connectionInfo = {}, matchConditions = [] } = webhook;
  const errors: FieldError[] = [];
  if (timeout === undefined) errors.push(required(at.child('timeout'), ''));
  for (const name of ['timeout', 'authorizedTTL', 'unauthorizedTTL'] as const) {
    const ms = webhook[name] === undefined ? 1 : milliseconds(webhook[name]);
    if (ms === undefined || ms <= 0) errors.push(invalid(at.child(name), webhook[name], 'must be > 0s'));
    else if (name === 'timeout' && ms > 30_000) errors.push(invalid(at.child(name), webhook[name], 'must be <= 30s'));
  }
  if (subjectAccessReviewVersion === undefined) errors.push(required(at.child('subjectAccessReviewVersion'), ''));
  else if (!['v1', 'v1beta1'].includes(subjectAccessReviewVersion)) {
    errors.push(notSupported(at.child('subjectAccessReviewVersion'), subjectAccessReviewVersion, ['v1', 'v1beta1']));
  }
  const { matchConditionSubjectAccessReviewVersion: version } = webhook;
  if (version === undefined && matchConditions.length > 0) {
    errors.push(required(at.child('matchConditionSubjectAccessReviewVersion'), 'required if match conditions are specified'));
  } else if (version !== undefined && version !== 'v1') {
    errors.push(notSupported(at.child('matchConditionSubjectAccessReviewVersion'), version, ['v1']));
  }
  if (failurePolicy === undefined) errors.push(required(at.child('failurePolicy'), ''));
  else if (!['NoOpinion', 'Deny'].includes(failurePolicy))
    errors.push(notSupported(at.child('failurePolicy'), failurePolicy, ['NoOpinion', 'Deny']));
  const info = at.child('connectionInfo');
  if (connectionInfo.type === undefined) errors.push(required(info.child('type'), ''));
  else if (connectionInfo.type === 'KubeConfigFile') {
    if (connectionInfo.kubeConfigFile === undefined || connectionInfo.kubeConfigFile === '')
      errors.push(required(info.child('kubeConfigFile'), ''));
    else if (!connectionInfo.kubeConfigFile.startsWith('/'))
      errors.push(invalid(info.child('kubeConfigFile'), connectionInfo.kubeConfigFile, 'must be an absolute path'));
  } else errors.push(notSupported(info.child('type'), connectionInfo.type, ['InClusterConfig', 'KubeConfigFile']));
  return errors;
}

function milliseconds(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof DurationError) return undefined;
    throw error;
  }
}
