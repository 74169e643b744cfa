// A request on behalf of somebody else goes on as that user. Who may do that is decided in ../authentication/impersonation.ts.
import { impersonate, impersonationWish } from '../authentication/impersonation.ts';
import { headerValues } from '../authentication/headers.ts';
import type { ChainDeps, Stage, Walk } from '../chain.ts';
import { attributesOf, NOT_SNIFFED } from './authorization.ts';

const PREFIX = 'impersonate-';

export const impersonationStage: Stage = {
  name: 'impersonation',
  run(walk, deps) {
    const headers = walk.credentials?.rawHeaders;
    if (headers === undefined || !isAsked(headers)) return;
    return actAs(walk, headers, deps).catch((error: unknown) => {
      walk.context.addHeaders(NOT_SNIFFED);
      throw error;
    });
  },
};

function isAsked(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length > PREFIX.length && name.slice(0, PREFIX.length).toLowerCase() === PREFIX) return true;
  }
  return false;
}

async function actAs(walk: Walk, headers: readonly string[], { authorizer }: ChainDeps): Promise<void> {
  const wanted = impersonationWish(headerValues(headers));
  if (wanted === undefined) return;
  const { context } = walk;
  const { user, constraint } = await impersonate({ wanted, attributes: attributesOf(context), authorizer, caller: context });
  walk.auditTrail?.impersonated(user, constraint);
  walk.setUser(user);
}
