// Bootstrap tokens: `id.secret` of a Secret in kube-system, for nodes that join.
// Source: plugin/pkg/auth/authenticator/token/bootstrap bootstrap.go, cluster-bootstrap util/secrets.
import { timingSafeEqual } from 'node:crypto';
import type { Secret } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { secrets } from '#api/resources.ts';
import { parseTime, TimeError } from '#apimachinery/time.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { UserInfo } from '../contract.ts';
import type { TokenAuthenticator } from './contract.ts';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const SECRET_TYPE = 'bootstrap.kubernetes.io/token';
const SECRET_PREFIX = 'bootstrap-token-';
const USER_PREFIX = 'system:bootstrap:';
const BOOTSTRAPPERS_GROUP = 'system:bootstrappers';

export interface BootstrapTokenOptions {
  /** Of this server: the tokens are for nobody else. */
  readonly audiences: readonly string[];
  readonly reader: Pick<CacheReader, 'get'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function bootstrapTokens({ audiences: own, reader, clock, logger }: BootstrapTokenOptions): TokenAuthenticator {
  return {
    name: 'bootstraptoken',
    authenticate(token, wanted) {
      const audiences = own.filter((audience) => wanted.includes(audience));
      if (audiences.length === 0) return undefined;
      const match = TOKEN.exec(token);
      if (match === null) return undefined;
      const [, id = '', secretPart = ''] = match;
      const secret = reader.get(secrets, `${SECRET_PREFIX}${id}`, NAMESPACE.system);
      if (secret === undefined) return undefined;
      const user = bootstrapUser(secret, { id, secretPart, now: clock.now() });
      if (typeof user !== 'string') return { user, audiences };
      logger.debug(`Bootstrap secret ${NAMESPACE.system}/${secret.metadata.name} matching bearer token ${user}`);
      return undefined;
    },
  };
}

interface Presented {
  readonly id: string;
  readonly secretPart: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The user of a token, or why its secret does not vouch for it. */
function bootstrapUser(secret: Secret, { id, secretPart, now }: Presented): UserInfo | string {
  const data = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
  if (secret.metadata.deletionTimestamp !== undefined) return 'is deleted and awaiting removal';
  if (secret.type !== SECRET_TYPE || secret.data === undefined) return `has invalid type, expected ${SECRET_TYPE}.`;
  if (!equal(data('token-secret'), secretPart)) return 'has invalid value for key token-secret.';
  if (data('token-id') !== id) return 'has invalid value for key token-id.';
  if (expired(data('expiration'), now)) return 'has expired';
  if (data('usage-bootstrap-authentication') !== 'true') return 'not marked usage-bootstrap-authentication=true.';
  const extra = data('auth-extra-groups');
  const groups = extra === '' ? [] : extra.split(',');
  const bad = groups.find((group) => !EXTRA_GROUP.test(group));
  if (bad !== undefined)
    return `has invalid value for key auth-extra-groups: bootstrap group "${bad}" is invalid (must match ${String.raw`\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z`}).`;
  return { name: `${USER_PREFIX}${id}`, groups: [...new Set([BOOTSTRAPPERS_GROUP, ...groups])].toSorted() };
}

function equal(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** A time that cannot be read counts as past. */
function expired(text: string, now: number): boolean {
  if (text === '') return false;
  try {
    return parseTime(text) <= now;
  } catch (error) {
    if (error instanceof TimeError) return true;
    throw error;
  }
}
