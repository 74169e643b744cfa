// pure
// AuthenticationConfiguration: JWT issuers and who may be anonymous. Source: apiserver pkg/apis/apiserver/v1 types.go.
import { decodeConfiguration, type ConfigurationKind, type Shape } from '../../configuration/decode.ts';

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
    /** Of connections to it; there are no egress selectors here, so that none can be named. */
    readonly egressSelectorType?: string;
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
  /** Of flags; what a file names may be signed by any. Source: --oidc-signing-algs. */
  readonly signingAlgorithms?: readonly string[];
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
                egressSelectorType: 'string',
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

/** @throws ConfigurationError for text that is none; what it says is not judged */
export const decodeAuthenticationConfiguration = (text: string): AuthenticationConfiguration =>
  decodeConfiguration<AuthenticationConfiguration>(text, KIND);
