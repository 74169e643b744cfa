// Who asks, and whether they may. Source: pkg/kubelet/server InstallAuthFilter.
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '#base/log.ts';
import { nodeAttributes } from './attributes.ts';
import { Refusal } from './answers.ts';
import type { Access, User } from './contract.ts';

const AUTHENTICATED = 'system:authenticated';

/** @throws Refusal 401, 403, 500 */
export async function admit(request: IncomingMessage, path: string, access: Access, logger: Logger): Promise<void> {
  const user = await identify(request, access, logger);
  if (user === undefined) throw new Refusal(401, 'Unauthorized');
  const asked = nodeAttributes(request.method ?? 'GET', path);
  for (const attributes of asked) {
    try {
      if (await access.allows(user, attributes)) return;
    } catch (error) {
      const { verb, subresource } = attributes;
      const message = `Authorization error (user=${user.name}, verb=${verb}, resource=nodes, subresource=${subresource})`;
      logger.error(message, { error });
      throw new Refusal(500, message);
    }
  }
  const subresources = asked.map(({ subresource }) => subresource).join(' ');
  throw new Refusal(403, `Forbidden (user=${user.name}, verb=${asked[0]?.verb}, resource=nodes, subresource(s)=[${subresources}])\n`);
}

async function identify(request: IncomingMessage, access: Access, logger: Logger): Promise<User | undefined> {
  const certified = certificateUser(request.socket as TLSSocket);
  if (certified !== undefined) return certified;
  const token = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) return undefined;
  try {
    const user = await access.authenticateToken(token);
    return user === undefined || user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };
  } catch (error) {
    logger.error('Unable to authenticate the request due to an error', { error });
    return undefined;
  }
}

/** The certificate's common name is the user, its organisations are the groups. Source: x509 CommonNameUserConversion. */
function certificateUser(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate() as Partial<ReturnType<TLSSocket['getPeerCertificate']>>;
  if (subject === undefined) return undefined;
  const names = values(subject.CN);
  const name = names.at(-1) ?? '';
  return name === '' ? undefined : { name, groups: [...values(subject.O), AUTHENTICATED] };
}

/** One name is a string, several are a list. */
function values(part: string | readonly string[] | undefined): readonly string[] {
  if (part === undefined) return [];
  return typeof part === 'string' ? [part] : part;
}
