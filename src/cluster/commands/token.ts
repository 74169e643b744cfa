// `proa token create|ls|delete`: what other machines join this cluster with.
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { DurationError, parseDuration } from '#apimachinery/duration.ts';
import { secrets } from '#api/resources.ts';
import { pathsOf } from '../instance/paths.ts';
import { authorityHash } from '../join/cluster-info.ts';
import { formatJoinToken, newJoinToken, tokenSecret } from '../join/token.ts';
import { Pki } from '../pki/store.ts';
import { apiServerURL } from '../settings/settings.ts';
import { asAdmin } from './as-admin.ts';
import { CommandError, storedSettings } from './command-line.ts';

type Options = Record<string, string | undefined>;

const TOKEN_TYPE = 'bootstrap.kubernetes.io/token';

export async function createToken(options: Options): Promise<void> {
  const settings = storedSettings(options);
  const lifeMs = lifetime(options['ttl'] ?? '24h');
  const pki = new Pki(pathsOf(settings).pki, { clock: systemClock, ids: randomIds });
  const token = newJoinToken(authorityHash(pki.certificate('ca')), randomIds);
  const expires = lifeMs === 0 ? undefined : systemClock.now() + lifeMs;
  await asAdmin(options, (client) =>
    client.create(secrets, tokenSecret(token, expires, options['description'] ?? 'Made by proa token create.')),
  );
  process.stdout.write(`${formatJoinToken(token)}\n`);
  process.stderr.write(
    `\nOn the machine that joins, as root:\n\n  proa agent --server ${apiServerURL(settings)} --token ${formatJoinToken(token)}\n`,
  );
}

export async function listTokens(options: Options): Promise<void> {
  const { items } = await asAdmin(options, (client) =>
    client.list(secrets, { namespace: 'kube-system', fieldSelector: `type=${TOKEN_TYPE}` }),
  );
  const value = (data: Readonly<Record<string, string>> | undefined, key: string): string =>
    Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  const rows = items.map(
    ({ data }) => [value(data, 'token-id'), value(data, 'expiration') || 'never', value(data, 'description')] as const,
  );
  for (const [id, expires, description] of [['ID', 'EXPIRES', 'DESCRIPTION'] as const, ...rows])
    process.stdout.write(`${id.padEnd(8)}${expires.padEnd(22)}${description}\n`);
}

export async function deleteToken(id: string, options: Options): Promise<void> {
  await asAdmin(options, (client) => client.delete(secrets, { namespace: 'kube-system', name: `bootstrap-token-${id}` }));
  process.stdout.write(`Token ${id} is good for nothing from now on.\n`);
}

/** Milliseconds; 0 for a token that never ends. @throws CommandError */
function lifetime(text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms >= 0) return ms;
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
  }
  throw new CommandError(`--ttl ${text} is no time such as 24h (0 for a token that never ends)`);
}
