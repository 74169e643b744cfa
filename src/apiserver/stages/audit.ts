// Opens the audit trail of each request that the policy wants. What is written down, and where, is the sink's.
import { goQuote } from '#apimachinery/go-format.ts';
import type { ChainDeps, Stage, Walk } from '../chain.ts';
import { PlainRefusal, sanitized } from './plain-refusal.ts';

export const auditStage: Stage = {
  name: 'audit',
  run(walk, deps) {
    const trail = deps.audit?.begin(walk.context);
    if (trail === undefined) return;
    walk.auditTrail = trail;
    walk.onFinish(({ code }) => trail.finish(code));
    if (trail.received !== undefined) return stored(trail.received, walk, deps);
  },
};

/** @throws PlainRefusal when it cannot be. Source: filters.WithAudit, responsewriters.InternalError */
async function stored(received: Promise<boolean>, { context }: Walk, { audit }: ChainDeps): Promise<void> {
  if (await unlessOver(received, context.signal)) return;
  audit?.rejected();
  throw new PlainRefusal('InternalError', sanitized(`Internal Server Error: ${goQuote(context.uri)}: failed to store audit event`));
}

/** A request that is over waits no longer, however long the back end takes. */
async function unlessOver(received: Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  const over = Promise.withResolvers<never>();
  const end = (): void => over.reject(signal.reason as Error);
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([received, over.promise]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
