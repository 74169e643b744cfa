// Begins the span of a request that is traced. It stands after authentication: who asks decides whose trace it is.
import type { Stage } from '../chain.ts';

export const tracingStage: Stage = {
  name: 'tracing',
  run(walk, deps) {
    const { credentials, context } = walk;
    const span = deps.tracer?.begin(context, (name) => credentials?.header(name));
    if (span === undefined) return;
    walk.span = span;
    walk.onFinish(({ code, reason }) => span.end({ 'http.status_code': code }, code >= SERVER_ERROR ? reason : undefined));
  },
};

/** Refusals are no failures of this server. Source: semconv HTTPServerStatus. */
const SERVER_ERROR = 500;
