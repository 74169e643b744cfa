// What is asked of an issuer: its documents and its keys, and where it says that claims are.
import { OutboundError, type Outbound, type OutboundAnswer } from '../../outbound/contract.ts';
import { AuthenticationError } from '../contract.ts';

const CALL_MS = 10_000;
const MAX_BYTES = 1 << 20;

export interface IssuerAccess {
  /** PEM; undefined: authorities that Node.js trusts. */
  readonly ca: string | undefined;
  readonly outbound: Outbound;
}

/** The answer, whatever its status. @throws AuthenticationError without one */
export async function fetchFrom(url: string, { ca, outbound }: IssuerAccess, bearer = ''): Promise<OutboundAnswer> {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') throw new AuthenticationError(`oidc: ${url} is no https URL`);
  const { hostname, port } = new URL(url);
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) };
  const trust = ca === undefined ? {} : { ca };
  const headers = bearer === '' ? {} : { authorization: `Bearer ${bearer}` };
  const { signal } = new AbortController();
  try {
    return await outbound.call({ method: 'GET', address, url, trust, headers, timeoutMs: CALL_MS, maxBytes: MAX_BYTES, signal });
  } catch (error) {
    if (error instanceof OutboundError) throw new AuthenticationError(`oidc: ${url}: ${error.message}`, { cause: error });
    throw error;
  }
}
