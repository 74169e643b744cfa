// pure
// Settings of service account tokens, under kube-apiserver's flag names. Source: pkg/kubeapiserver/options authentication.go.
import type { Setting } from './settings.ts';
import { bad, duration, list, ok, path, type Parsed } from './value.ts';

export interface ServiceAccountSettings {
  /** The first one issues; tokens of all are taken. Empty: that of the cluster's domain. */
  readonly serviceAccountIssuer: readonly string[];
  /** Where the key set is told to be; empty: at this server's address. */
  readonly serviceAccountJwksUri: string;
  /** Names under which tokens may be meant for this server; empty: the issuers. */
  readonly apiAudiences: readonly string[];
  /** PEM files of further keys whose tokens are taken. */
  readonly serviceAccountKeyFile: readonly string[];
  /** Milliseconds; 0: no limit. */
  readonly serviceAccountMaxTokenExpiration: number;
}

const HOUR_MS = 3_600_000;
const GREATEST_MS = 2 ** 32 * 1_000;

function issuers(text: string): Parsed<readonly string[]> {
  const names = text.split(',').filter((name) => name !== '');
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) return bad(`names ${JSON.stringify(repeated)} twice`);
  const wrong = names.find((name) => name.includes(':') && !URL.canParse(name));
  return wrong === undefined ? ok(names) : bad(`has ${JSON.stringify(wrong)}, which contains a ':' but is not a valid URL`);
}

function jwksUri(text: string): Parsed<string> {
  if (text === '') return ok(text);
  if (!URL.canParse(text)) return bad('is not a valid URL');
  return new URL(text).protocol === 'https:' ? ok(text) : bad('does not have the https scheme that is required');
}

function paths(text: string): Parsed<readonly string[]> {
  const files = text.split(',').filter((file) => file !== '');
  return files.every((file) => path(file).ok) ? ok(files) : bad('is no list of absolute paths');
}

function expiration(text: string): Parsed<number> {
  const parsed = duration(text);
  const isOutside = parsed.ok && parsed.value !== 0 && (parsed.value < HOUR_MS || parsed.value > GREATEST_MS);
  return isOutside ? bad('is not between 1 hour and 2^32 seconds') : parsed;
}

const setting = <K extends keyof ServiceAccountSettings>(row: Setting<K>): Setting => row as unknown as Setting;

export const SERVICE_ACCOUNT_SETTINGS: readonly Setting[] = [
  setting({
    key: 'serviceAccountIssuer',
    flag: 'service-account-issuer',
    argument: 'ISSUERS',
    description: 'issuer of service account tokens, and more whose tokens are taken, by comma',
    fallback: '',
    parse: issuers,
  }),
  setting({
    key: 'serviceAccountJwksUri',
    flag: 'service-account-jwks-uri',
    argument: 'URL',
    description: "where issuer discovery tells the key set is (this server's address)",
    fallback: '',
    parse: jwksUri,
  }),
  setting({
    key: 'apiAudiences',
    flag: 'api-audiences',
    argument: 'NAMES',
    description: 'audiences of tokens that are meant for the API, by comma (the issuers)',
    fallback: '',
    parse: list,
  }),
  setting({
    key: 'serviceAccountKeyFile',
    flag: 'service-account-key-file',
    argument: 'FILES',
    description: 'further keys whose tokens are taken, PEM, by comma',
    fallback: '',
    parse: paths,
  }),
  setting({
    key: 'serviceAccountMaxTokenExpiration',
    flag: 'service-account-max-token-expiration',
    argument: 'DURATION',
    description: 'longest life of a token; 0 for any',
    fallback: '0s',
    parse: expiration,
  }),
];
