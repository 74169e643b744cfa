// A claim that a token does not have itself but says where it is. Source: oidc.go claimResolver; OpenID Connect Core 1.0, 5.6.2.
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { AuthenticationError } from '../contract.ts';
import { fetchFrom, type IssuerAccess } from './fetch.ts';

export interface DistributedClaimDeps {
  /** The one that is looked for: that of groups. */
  readonly claim: string;
  readonly access: IssuerAccess;
  /** Claims of a token that the issuer it names has signed. @throws AuthenticationError */
  readonly verify: (token: string) => Promise<JsonObject>;
}

/**
 * The claims, with the one that was elsewhere.
 * @throws AuthenticationError when it cannot be had
 */
export async function withDistributedClaim(claims: JsonObject, { claim, access, verify }: DistributedClaimDeps): Promise<JsonObject> {
  if (claim in claims || !('_claim_names' in claims)) return claims;
  const { _claim_names: names, _claim_sources: sources } = claims;
  if (!isObject(names)) throw unresolved('oidc: error parsing distributed claim names: they are no object');
  if (sources === undefined) throw unresolved('oidc: no claim sources');
  if (!isObject(sources)) throw unresolved('oidc: could not parse claim sources: they are no object');
  const name = names[claim];
  if (typeof name !== 'string') return claims;
  const source = sources[name];
  if (!isObject(source)) throw unresolved(`id token _claim_names contained a source ${name} missing in _claims_sources`);
  const { endpoint, access_token: bearer } = source;
  if (typeof endpoint !== 'string' || endpoint === '') return claims; // an aggregated claim, perhaps
  const { status, body } = await fetchFrom(endpoint, access, typeof bearer === 'string' ? bearer : '');
  if (status < 200 || status > 226) {
    throw unresolved(`while getting distributed claim ${JSON.stringify(claim)}: error while getting distributed claim JWT: ${status}`);
  }
  const found = (await verify(body.toString()))[claim];
  if (found === undefined) {
    throw unresolved(`jwt returned by distributed claim endpoint ${JSON.stringify(endpoint)} did not contain claim: ${claim}`);
  }
  return { ...claims, [claim]: found };
}

const unresolved = (why: string): AuthenticationError => new AuthenticationError(`oidc: could not expand distributed claims: ${why}`);
