// Whether some container will end soon, so that it pays to look more often.
import { isSidecar } from '#api/pods.ts';
import type { PodWorkers } from '../pod-workers/pod-workers.ts';
import type { Pleg } from './pleg.ts';

/** Pods being ended, running init containers, and pods that run to their end. */
export function expectsAnEnd(workers: PodWorkers, pleg: Pleg): boolean {
  for (const uid of workers.uids()) {
    const stage = workers.stage(uid);
    if (stage === 'terminating') return true;
    const spec = workers.pod(uid)?.spec;
    if (stage !== 'syncing' || spec === undefined) continue;
    const running = (pleg.get(uid)?.containers ?? []).filter(({ state }) => state === 'running');
    const finite = new Set((spec.initContainers ?? []).filter((container) => !isSidecar(container)).map(({ name }) => name));
    if (running.some(({ name }) => finite.has(name)) || (spec.restartPolicy !== 'Always' && running.length > 0)) return true;
  }
  return false;
}
