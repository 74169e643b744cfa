// Opens an audit event for each request and closes it when the request is over. What is logged, and where, is the sink's.
import type { Outcome, Stage } from '../chain.ts';
import type { RequestContext } from '../request.ts';

export interface AuditSink {
  /** Returns what to call when the request is over, or undefined when the policy does not want this request. */
  begin(context: RequestContext): ((outcome: Outcome) => void) | undefined;
}

export const auditStage: Stage = {
  name: 'audit',
  run(walk, deps) {
    const close = deps.audit?.begin(walk.context);
    if (close !== undefined) walk.onFinish(close);
  },
};
