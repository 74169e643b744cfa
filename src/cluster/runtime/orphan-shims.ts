// A containerd that is killed while it makes or removes a pod may leave a process behind that watches over nothing, and of which the
// next containerd does not know: it is ended here, with what it may have started.
import { type Clock, wait } from '#base/clock.ts';
import { killProcess } from '#base/kill-process.ts';
import type { Logger } from '#base/log.ts';
import { ProgramError } from '#base/program.ts';
import type { CriClient } from '#cri/contract.ts';
import { CRI_NAMESPACE, ctr } from '#cri/ctr.ts';
import { CriError } from '#cri/errors.ts';
import { isRunning, processIdentity } from '../machine/processes.ts';
import type { Containerd } from './containerd.ts';
import { descendantsOf, type Shim, shimsOf } from './shims.ts';

/** Milliseconds. */
const LOOK_EVERY_MS = 60_000;
/** A containerd that takes longer to list what it has is asked again later. Milliseconds. */
const LIST_MS = 30_000;

export interface OrphanShimsDeps {
  readonly runtime: Pick<CriClient['runtime'], 'listPodSandbox'>;
  readonly containerd: Pick<Containerd, 'pid'>;
  /** Path. */
  readonly socket: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Ids of all containers that containerd has, whoever made them. @throws ProgramError; the signal's reason */
  readonly containers?: (socket: string, signal: AbortSignal) => Promise<readonly string[]>;
}

/** At once and from time to time until `signal` aborts. */
export async function endOrphanShims(deps: OrphanShimsDeps): Promise<void> {
  const { clock, logger, signal } = deps;
  while (!signal.aborted) {
    try {
      await sweep(deps);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof CriError || error instanceof ProgramError)) throw error;
      logger.debug('containerd does not tell what it has', { error });
    }
    await wait(clock, LOOK_EVERY_MS, signal).catch(() => {}); // aborted: the loop ends
  }
}

async function sweep({ runtime, containerd, socket, logger, signal, containers = listed }: OrphanShimsDeps): Promise<void> {
  const { pid } = containerd;
  const since = pid === undefined ? '' : processIdentity(pid);
  if (since === '') return;
  // Those that this containerd started are its own concern; of the others it found what it could when it started.
  const earlier = shimsOf(socket)
    .filter(({ namespace }) => namespace === CRI_NAMESPACE) // what others made elsewhere is theirs
    .map((shim) => ({ ...shim, identity: processIdentity(shim.pid) }))
    .filter(({ identity }) => identity !== '' && Number(identity) < Number(since));
  if (earlier.length === 0) return;
  const { items } = await runtime.listPodSandbox({}, { signal });
  const sandboxes = new Set(items.map(({ id }) => id));
  const doubtful = earlier.filter(({ id }) => !sandboxes.has(id));
  if (doubtful.length === 0) return;
  const known = new Set(await containers(socket, signal));
  for (const shim of doubtful) if (!known.has(shim.id) && isRunning(shim.pid, shim.identity)) end(shim, logger);
}

function end({ pid, id }: Shim, logger: Logger): void {
  logger.warn('a shim that containerd does not know is ended', { pid, id });
  // Collected first: what loses its parent is nobody's any more. Where a pod has the machine's processes for its own, no end of a first
  // process ends the others.
  const started = descendantsOf(pid);
  for (const each of [pid, ...started]) killProcess(each);
}

const listed = async (socket: string, signal: AbortSignal): Promise<readonly string[]> =>
  (await ctr(socket, ['containers', 'list', '--quiet'], { signal, timeoutMs: LIST_MS })).split('\n');
