// Opens the audit trail of each request that the policy wants. What is written down, and where, is the sink's.
import type { Stage } from '../chain.ts';

export const auditStage: Stage = {
  name: 'audit',
  run(walk, deps) {
    const trail = deps.audit?.begin(walk.context);
    if (trail === undefined) return;
    walk.auditTrail = trail;
    walk.onFinish(({ code }) => trail.finish(code));
  },
};
