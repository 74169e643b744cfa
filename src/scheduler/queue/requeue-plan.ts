// Whether an event is worth another attempt for a pod, and how soon. Source: isPodWorthRequeuing.
import { type ClusterEvent, isWildcard } from '../framework/cluster-event.ts';
import type { EventHint, QueueingHint } from '../framework/plugin.ts';
import { interestIn, type Profile } from '../framework/profile.ts';
import type { Happening } from './in-flight.ts';
import { type QueuedPod, rejectors } from './queued-pod.ts';

/** Asks `hint` of a plugin about an event. */
export type AskHint = (plugin: string, event: ClusterEvent, hint: () => ReturnType<QueueingHint>) => ReturnType<QueueingHint>;

export type Requeue = 'skip' | 'after-backoff' | 'immediately';

export function planRequeue(queued: QueuedPod, profile: Profile, { event, previous, current }: Happening, ask: AskHint): Requeue {
  const refusedBy = rejectors(queued);
  if (refusedBy.size === 0) return 'after-backoff';
  if (isWildcard(event)) return current === undefined || uidOf(current) === queued.pod.metadata.uid ? 'after-backoff' : 'skip';
  const interest = interestIn(profile, event);
  if (interest.size === 0) return 'skip';
  if (helps(queued.pendingPlugins)) return 'immediately';
  return helps(queued.unschedulablePlugins) ? 'after-backoff' : 'skip';

  function helps(plugins: ReadonlySet<string>): boolean {
    for (const plugin of plugins) {
      for (const { hint } of interest.get(plugin) ?? NO_HINTS) {
        if (hint === undefined || ask(plugin, event, () => hint(queued.pod, previous, current)) === 'queue') return true;
      }
    }
    return false;
  }
}

const NO_HINTS: readonly EventHint[] = [];

/** Whether any plugin names the event at all. Source: isEventOfInterest. */
export function isOfInterest(profiles: Iterable<Profile>, event: ClusterEvent): boolean {
  if (isWildcard(event)) return true;
  for (const profile of profiles) if (interestIn(profile, event).size > 0) return true;
  return false;
}

function uidOf(object: unknown): string | undefined {
  return (object as { readonly metadata?: { readonly uid?: string } }).metadata?.uid;
}
