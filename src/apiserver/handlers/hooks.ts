// Which rules an endpoint that updates an object follows.
import { methodNotSupported } from '#apimachinery/errors.ts';
import type { UpdateHooks } from '../registry/strategy.ts';
import type { WriteCall } from '../registry/write-call.ts';

/** @throws StatusError MethodNotAllowed for a subresource that does not update its object */
export function hooksOf({ stored, served, subresource, request }: WriteCall): UpdateHooks {
  if (subresource === '') return stored.strategy;
  const hooks = stored.strategy.subresources?.[subresource];
  if (hooks === undefined) throw methodNotSupported(served.info, request.info.verb);
  return hooks;
}
