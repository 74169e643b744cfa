// Where the documents of ./discovery.ts are served.
import type { Logger } from '#base/log.ts';
import type { Route } from '../../routes/contract.ts';
import {
  DISCOVERY_MAX_AGE_SECONDS,
  issuerProblem,
  JWKS_MEDIA_TYPE,
  JWKS_PATH,
  jsonWebKeySet,
  OPENID_CONFIGURATION_PATH,
  openIdConfiguration,
  type IssuerDiscovery,
} from './discovery.ts';

/** None, and a line in the log, for an issuer that nobody could discover. */
export function discoveryDocuments(discovery: IssuerDiscovery, logger: Logger): readonly Route[] {
  const problem = issuerProblem(discovery.issuer);
  if (problem !== undefined) {
    logger.warn('issuer discovery is not served', { problem });
    return [];
  }
  return [
    document(OPENID_CONFIGURATION_PATH, 'application/json', openIdConfiguration(discovery)),
    document(JWKS_PATH, JWKS_MEDIA_TYPE, jsonWebKeySet(discovery)),
  ];
}

function document(path: string, type: string, value: unknown): Route {
  const body = Buffer.from(JSON.stringify(value));
  const headers = { 'content-type': type, 'cache-control': `public, max-age=${DISCOVERY_MAX_AGE_SECONDS}` };
  return { path, match: 'exact', listed: true, getOnly: true, handle: () => ({ kind: 'bytes', code: 200, headers, body }) };
}
