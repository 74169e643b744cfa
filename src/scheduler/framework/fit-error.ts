// pure
// The sentence a user reads when no node takes a pod. Source: framework.FitError, framework.Diagnosis.
import type { Status } from './status.ts';

export interface Diagnosis {
  /** Nodes in the cluster. */
  readonly nodeCount: number;
  /** How many nodes each status was given to. */
  readonly statuses: ReadonlyMap<Status, number>;
  /** The message of a plugin that refused the pod before looking at nodes. */
  readonly preFilterMessage?: string;
  readonly postFilterMessage?: string;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). preemption: …`. Source: FitError.Error. */
export function fitMessage({ nodeCount, statuses, preFilterMessage = '', postFilterMessage = '' }: Diagnosis): string {
  let message = `0/${nodeCount} nodes are available:`;
  if (preFilterMessage === '') {
    const reasons = reasonHistogram(statuses);
    if (reasons.length > 0) message += ` ${reasons.join(', ')}.`;
  } else {
    message += ` ${preFilterMessage}.`;
  }
  return postFilterMessage === '' ? message : `${message} ${postFilterMessage}`;
}

/** `2 Insufficient cpu`, sorted as text, as upstream sorts them. */
function reasonHistogram(statuses: ReadonlyMap<Status, number>): readonly string[] {
  const counts = new Map<string, number>();
  for (const [{ reasons }, count] of statuses) {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  return [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted(compareText);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Source: validation.NoteLengthLimit. */
const NOTE_LIMIT = 1024;
const CUT = ' ...';

/** As long as an event's note may be. Source: truncateMessage. */
export function truncateNote(message: string): string {
  return message.length <= NOTE_LIMIT ? message : message.slice(0, NOTE_LIMIT - CUT.length) + CUT;
}
