// Writes service-account tokens. Which objects a token is bound to, and for how long, its caller decides (./token-request.ts).
// Source: pkg/serviceaccount jwt.go GenerateToken, claims.go Claims, legacy.go LegacyClaims.
import type { ServiceAccount } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { serviceAccountUser } from '../names.ts';
import { LEGACY_ISSUER, type Claims, type KubernetesClaims, type ObjectClaim } from './claims.ts';
import { signText, type SigningKey } from './keys.ts';

export interface TokenGrant {
  readonly account: ServiceAccount;
  readonly audiences: readonly string[];
  /** Seconds from now. */
  readonly expiresIn: number;
  /** Seconds from now after which use of the token is worth a word in the audit log. */
  readonly warnAfter?: number;
  readonly pod?: ObjectClaim;
  readonly node?: ObjectClaim;
  readonly secret?: ObjectClaim;
}

export interface IssuedToken {
  readonly token: string;
  /** `jti`. */
  readonly id: string;
}

export class ServiceAccountTokenIssuer {
  readonly #issuer: string;
  readonly #key: SigningKey;
  readonly #header: string;
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor({
    issuer,
    key,
    clock,
    ids,
  }: {
    readonly issuer: string;
    readonly key: SigningKey;
    readonly clock: Clock;
    readonly ids: Ids;
  }) {
    this.#issuer = issuer;
    this.#key = key;
    this.#header = encode({ alg: key.algorithm, kid: key.id });
    this.#clock = clock;
    this.#ids = ids;
  }

  issue({ account, audiences, expiresIn, warnAfter, pod, node, secret }: TokenGrant): IssuedToken {
    const now = Math.floor(this.#clock.now() / 1_000);
    const { namespace, name, uid } = account.metadata;
    const id = this.#ids.uuid();
    const bound: KubernetesClaims = {
      namespace,
      ...(node === undefined ? {} : { node }),
      ...(pod === undefined ? {} : { pod }),
      ...(secret === undefined ? {} : { secret }),
      serviceaccount: { name, uid },
      ...(warnAfter === undefined ? {} : { warnafter: now + warnAfter }),
    };
    const claims: Claims = {
      aud: audiences,
      exp: now + expiresIn,
      iat: now,
      iss: this.#issuer,
      jti: id,
      'kubernetes.io': bound,
      nbf: now,
      sub: serviceAccountUser({ namespace, name }),
    };
    return { token: this.#sign(claims), id };
  }

  /** The token of a Secret of type kubernetes.io/service-account-token: no audience, no end. */
  issueLegacy(account: ServiceAccount, secretName: string): string {
    const { namespace, name, uid } = account.metadata;
    return this.#sign({
      iss: LEGACY_ISSUER,
      'kubernetes.io/serviceaccount/namespace': namespace,
      'kubernetes.io/serviceaccount/secret.name': secretName,
      'kubernetes.io/serviceaccount/service-account.name': name,
      'kubernetes.io/serviceaccount/service-account.uid': uid,
      sub: serviceAccountUser({ namespace, name }),
    });
  }

  #sign(claims: Claims): string {
    const signed = `${this.#header}.${encode(claims)}`;
    return `${signed}.${signText(signed, this.#key)}`;
  }
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
