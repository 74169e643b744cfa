// pure
// Why a pod that was deleted is still there.
import { isPodTerminal } from '#api/pods.ts';
import { findCondition } from '#api/conditions.ts';
import type { Cause, Evidence } from './contract.ts';
import type { Observed } from './diagnose.ts';
import { eventsOf } from './event-evidence.ts';

const STOPPING_EVENTS = ['FailedPreStopHook', 'FailedKillPod', 'Killing'];

/** The first that holds it; undefined for a pod that nobody deleted. */
export function leaving({ pod, node, events }: Observed): Cause | undefined {
  const { deletionTimestamp, finalizers = [] } = pod.metadata;
  if (deletionTimestamp === undefined) return undefined;
  const grace: Evidence = { source: 'metadata.deletionTimestamp', text: deletionTimestamp };
  const told = (why: string, more: readonly Evidence[] = []): Cause => ({
    kind: 'ended',
    summary: `the pod is being deleted${why}`,
    evidence: [grace, ...more],
  });
  const { nodeName = '' } = pod.spec;
  const stopped = (): Cause =>
    finalizers.length === 0 ? told('') : { ...told(` and waits for ${finalizers.join(', ')}`), heldBy: 'finalizers' };
  if (nodeName === '' || isPodTerminal(pod)) return stopped();
  if (node === undefined) return told(`; node ${nodeName} is gone, so that nobody is left to say that it has stopped`);
  const ready = findCondition(node.status?.conditions, 'Ready');
  if (ready !== undefined && ready.status !== 'True') {
    const text = `${ready.reason ?? ''}: ${ready.message ?? ''}`;
    const said: Evidence = { source: 'condition Ready of the node', text };
    return { ...told(`; node ${nodeName} is not ready and does not say whether it has stopped`, [said]), heldBy: 'unready-node' };
  }
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status;
  const running = [...initContainerStatuses, ...containerStatuses].filter(({ state }) => state?.running !== undefined);
  if (running.length === 0) return stopped();
  const names = running.map(({ name }) => name).join(', ');
  const what = running.length === 1 ? `container ${names} has` : `containers ${names} have`;
  return told(`; ${what} until then to end`, eventsOf(events, STOPPING_EVENTS));
}
