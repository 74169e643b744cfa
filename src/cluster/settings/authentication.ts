// pure
// Settings of who is believed to be whom, under kube-apiserver's flag names.
import type { Setting } from './settings.ts';
import { boolean, duration, list, ok, optionalPath, webhookVersion } from './value.ts';

export interface AuthenticationSettings {
  /** AuthenticationConfiguration file, followed while it changes; empty: none. */
  readonly authenticationConfig: string;
  readonly anonymousAuth: boolean;
  readonly tokenAuthFile: string;
  /** Kubeconfig of a web service that judges tokens; empty: none. */
  readonly authenticationTokenWebhookConfigFile: string;
  readonly authenticationTokenWebhookVersion: 'v1' | 'v1beta1';
  /** Milliseconds. */
  readonly authenticationTokenWebhookCacheTtl: number;
  readonly oidcIssuerUrl: string;
  readonly oidcClientId: string;
  readonly oidcCaFile: string;
  readonly oidcUsernameClaim: string;
  readonly oidcUsernamePrefix: string;
  readonly oidcGroupsClaim: string;
  readonly oidcGroupsPrefix: string;
  /** `claim=value` each. */
  readonly oidcRequiredClaim: readonly string[];
  /** Of JOSE: RS256. */
  readonly oidcSigningAlgs: readonly string[];
}

const setting = <K extends keyof AuthenticationSettings>(row: Setting<K>): Setting => row as unknown as Setting;

export const AUTHENTICATION_SETTINGS: readonly Setting[] = [
  setting({
    key: 'authenticationConfig',
    flag: 'authentication-config',
    argument: 'FILE',
    description: 'JWT issuers and anonymous access (AuthenticationConfiguration)',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'anonymousAuth',
    flag: 'anonymous-auth',
    argument: 'BOOL',
    description: 'take requests without credentials',
    fallback: 'true',
    parse: boolean,
  }),
  setting({
    key: 'tokenAuthFile',
    flag: 'token-auth-file',
    argument: 'FILE',
    description: 'file of static tokens',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'authenticationTokenWebhookConfigFile',
    flag: 'authentication-token-webhook-config-file',
    argument: 'FILE',
    description: 'kubeconfig of a web service that judges tokens',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'authenticationTokenWebhookVersion',
    flag: 'authentication-token-webhook-version',
    argument: 'VERSION',
    description: 'version of the TokenReview it is sent',
    fallback: 'v1beta1',
    parse: webhookVersion,
  }),
  setting({
    key: 'authenticationTokenWebhookCacheTtl',
    flag: 'authentication-token-webhook-cache-ttl',
    argument: 'DURATION',
    description: 'how long its answers are kept',
    fallback: '2m',
    parse: duration,
  }),
  setting({
    key: 'oidcIssuerUrl',
    flag: 'oidc-issuer-url',
    argument: 'URL',
    description: 'OpenID Connect issuer',
    fallback: '',
    parse: ok,
  }),
  setting({
    key: 'oidcClientId',
    flag: 'oidc-client-id',
    argument: 'NAME',
    description: 'audience its tokens must have',
    fallback: '',
    parse: ok,
  }),
  setting({
    key: 'oidcCaFile',
    flag: 'oidc-ca-file',
    argument: 'FILE',
    description: 'authorities of its certificate',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'oidcUsernameClaim',
    flag: 'oidc-username-claim',
    argument: 'CLAIM',
    description: 'claim that is the user name',
    fallback: 'sub',
    parse: ok,
  }),
  setting({
    key: 'oidcUsernamePrefix',
    flag: 'oidc-username-prefix',
    argument: 'PREFIX',
    description: 'before user names; - for none (the issuer, but for emails)',
    fallback: '',
    parse: ok,
  }),
  setting({
    key: 'oidcGroupsClaim',
    flag: 'oidc-groups-claim',
    argument: 'CLAIM',
    description: 'claim that is the groups',
    fallback: '',
    parse: ok,
  }),
  setting({
    key: 'oidcGroupsPrefix',
    flag: 'oidc-groups-prefix',
    argument: 'PREFIX',
    description: 'before groups',
    fallback: '',
    parse: ok,
  }),
  setting({
    key: 'oidcRequiredClaim',
    flag: 'oidc-required-claim',
    argument: 'CLAIMS',
    description: 'claims a token must have, claim=value by comma',
    fallback: '',
    parse: list,
  }),
  setting({
    key: 'oidcSigningAlgs',
    flag: 'oidc-signing-algs',
    argument: 'NAMES',
    description: 'algorithms that may sign tokens of the issuer, by comma',
    fallback: 'RS256',
    parse: list,
  }),
];
