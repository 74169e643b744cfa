// A sink for tests that only look at what a request left behind.
import type { RequestContext } from '../request.ts';
import type { AuditSink } from './contract.ts';

/** Calls `finished` when a request is over. */
export const lookingSink = (finished: (context: RequestContext) => void): AuditSink => ({
  begin: (context) => ({
    received: undefined,
    impersonated: () => {},
    body: (body) => body,
    answered: () => {},
    streaming: () => {},
    refused: () => {},
    failed: () => {},
    finish: () => finished(context),
  }),
  unauthenticated: () => {},
  rejected: () => {},
  stop: () => Promise.resolve(),
  expose: () => '',
});
