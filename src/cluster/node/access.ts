// Who may come and what they may do, from the settings and files of the API server.
import type { AuthenticationSettings } from '#apiserver/authentication/create.ts';
import type { AuthenticationConfiguration } from '#apiserver/authentication/jwt/configuration.ts';
import { checkedAuthenticationConfiguration, readAuthenticationConfiguration } from '#apiserver/authentication/jwt/validation.ts';
import {
  readAuthorizationConfiguration,
  type AuthorizationConfiguration,
  type AuthorizerType,
} from '#apiserver/authorization/configuration.ts';
import { ReloadMetrics } from '#apiserver/configuration/reload-metrics.ts';
import { followFiles } from '#apiserver/configuration/follow-file.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { firstOf, urlHost } from '../settings/networks.ts';
import { SettingsError } from '../settings/resolve.ts';
import { settingFile } from '../settings/setting-file.ts';
import type { Settings } from '../settings/settings.ts';

const asText = (text: string): string => text;

/** Kinds of tokens, issuers and anonymous access. @throws SettingsError for the files */
export function authenticationOf(settings: Settings): Pick<AuthenticationSettings, 'tokens' | 'configuration'> {
  const { tokenAuthFile, authenticationTokenWebhookConfigFile: kubeconfig } = settings;
  const webhook = {
    kubeconfig,
    version: settings.authenticationTokenWebhookVersion,
    cacheMs: settings.authenticationTokenWebhookCacheTtl,
  };
  return {
    tokens: {
      ...(tokenAuthFile === '' ? {} : { static: settingFile('tokenAuthFile', tokenAuthFile, asText) }),
      ...(kubeconfig === '' ? {} : { webhook }),
    },
    configuration:
      settings.authenticationConfig === ''
        ? authenticationConfiguration(settings, '')
        : settingFile('authenticationConfig', settings.authenticationConfig, (text) => authenticationConfiguration(settings, text)),
  };
}

/** @param signingKey PEM. @throws SettingsError for files that cannot be read */
export function serviceAccountsOf(settings: Settings, signingKey: string): AuthenticationSettings['serviceAccounts'] {
  const { serviceAccountJwksUri: uri, apiAudiences, serviceAccountMaxTokenExpiration: longest } = settings;
  const [issuer = '', ...otherIssuers] = serviceAccountIssuers(settings);
  return {
    issuer,
    otherIssuers,
    signingKey,
    verifyingKeys: settings.serviceAccountKeyFile.map((path) => settingFile('serviceAccountKeyFile', path, asText)),
    jwksUri: uri === '' ? `https://${urlHost(firstOf(settings.nodeIP))}:${settings.port}/openid/v1/jwks` : uri,
    ...(apiAudiences.length === 0 ? {} : { audiences: apiAudiences }),
    ...(longest === 0 ? {} : { maxExpirationSeconds: longest / 1_000 }),
  };
}

/** At least one; the first signs. */
const serviceAccountIssuers = ({ serviceAccountIssuer: given, clusterDomain }: Settings): readonly string[] =>
  given.length === 0 ? [`https://kubernetes.default.svc.${clusterDomain}`] : given;

/** @param text of the file; empty: what flags say */
function authenticationConfiguration(settings: Settings, text: string): AuthenticationConfiguration {
  const flags = oidcOf(settings);
  const own = serviceAccountIssuers(settings);
  const configuration =
    text !== ''
      ? readAuthenticationConfiguration(text, own)
      : flags === undefined
        ? {}
        : checkedAuthenticationConfiguration({ jwt: [flags], signingAlgorithms: settings.oidcSigningAlgs }, own);
  if (text !== '' && flags !== undefined) throw new SettingsError('--authentication-config and --oidc-issuer-url cannot go together');
  return configuration.anonymous === undefined && !settings.anonymousAuth
    ? { ...configuration, anonymous: { enabled: false } }
    : configuration;
}

/** Source: kubeoptions oidc flags as a JWTAuthenticator. */
function oidcOf(settings: Settings): NonNullable<AuthenticationConfiguration['jwt']>[number] | undefined {
  const {
    oidcIssuerUrl: url,
    oidcClientId: client,
    oidcCaFile,
    oidcUsernameClaim: claim,
    oidcUsernamePrefix: given,
    oidcGroupsClaim,
  } = settings;
  if (url === '') return undefined;
  if (client === '') throw new SettingsError('--oidc-issuer-url needs --oidc-client-id');
  const prefix = given === '-' ? '' : given !== '' ? given : claim === 'email' ? '' : `${url}#`;
  return {
    issuer: {
      url,
      audiences: [client],
      ...(oidcCaFile === '' ? {} : { certificateAuthority: settingFile('oidcCaFile', oidcCaFile, asText) }),
    },
    claimMappings: {
      username: { claim, prefix },
      ...(oidcGroupsClaim === '' ? {} : { groups: { claim: oidcGroupsClaim, prefix: settings.oidcGroupsPrefix } }),
    },
    claimValidationRules: settings.oidcRequiredClaim.map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return { claim: name, requiredValue: value.join('=') };
    }),
  };
}

/** @throws SettingsError for the file */
export function authorizationOf(settings: Settings): AuthorizationConfiguration {
  if (settings.authorizationConfig !== '')
    return settingFile('authorizationConfig', settings.authorizationConfig, readAuthorizationConfiguration);
  return { authorizers: settings.authorizationMode.map((type) => entry(type as AuthorizerType, settings)) };
}

function entry(type: AuthorizerType, settings: Settings): AuthorizationConfiguration['authorizers'][number] {
  const name = type.toLowerCase();
  if (type !== 'Webhook') return { type, name };
  return {
    type,
    name,
    webhook: {
      timeout: '30s',
      authorizedTTL: `${settings.authorizationWebhookCacheAuthorizedTtl}ms`,
      unauthorizedTTL: `${settings.authorizationWebhookCacheUnauthorizedTtl}ms`,
      subjectAccessReviewVersion: settings.authorizationWebhookVersion,
      failurePolicy: 'NoOpinion',
      connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: settings.authorizationWebhookConfigFile },
    },
  };
}

export interface Reconfigurable {
  readonly reconfigureAuthentication: (configuration: AuthenticationConfiguration) => void;
  readonly reconfigureAuthorization: (configuration: AuthorizationConfiguration) => void;
}

export interface FollowedAccess {
  /** Text exposition format. */
  expose(): string;
  stop(): void;
}

/** Takes changes of the two files over while the server runs. */
export function followAccess(
  settings: Settings,
  parts: Reconfigurable,
  deps: { readonly serverId: string; readonly clock: Clock; readonly logger: Logger },
): FollowedAccess {
  const follow = (what: 'authentication' | 'authorization', take: (text: string) => void): FollowedAccess => {
    const key = `${what}Config` as const;
    const path = settings[key];
    const content = path === '' ? '' : settingFile(key, path, asText);
    const metrics = new ReloadMetrics({ what, clock: deps.clock, serverId: deps.serverId, content });
    const load = ([text = '']: readonly string[]): Promise<void> => metrics.counting(text, () => take(text));
    const onUnreadable = (): void => metrics.unreadable();
    const stop = path === '' ? () => {} : followFiles({ paths: [path], current: [content], load, onUnreadable, ...deps });
    return { expose: () => metrics.expose(), stop };
  };
  const both = [
    follow('authentication', (text) => parts.reconfigureAuthentication(authenticationConfiguration(settings, text))),
    follow('authorization', (text) => parts.reconfigureAuthorization(readAuthorizationConfiguration(text))),
  ];
  return { expose: () => both.map((one) => one.expose()).join(''), stop: () => both.forEach((one) => one.stop()) };
}
