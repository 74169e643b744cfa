// `/checkpoint/…`: the runtime writes what a running container is into an archive. Source: Server.checkpoint, Kubelet.CheckpointContainer.
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import { makeFolder } from '#base/make-folder.ts';
import { formatTime } from '#apimachinery/time.ts';
import { CriError } from '#cri/errors.ts';
import { findContainer } from '../pod/containers.ts';
import { json, Refusal, type WholeAnswer } from './answers.ts';
import type { KubeletHost } from './contract.ts';

export interface CheckpointRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Seconds, as they were given; the last counts. */
  readonly timeouts: readonly string[];
}

/** Where the archive lies. @throws Refusal */
export async function checkpoint(request: CheckpointRequest, host: KubeletHost, clock: Clock): Promise<WholeAnswer> {
  const { namespace, container } = request;
  const pod = host.pod(namespace, request.pod);
  if (pod === undefined) throw new Refusal(404, 'pod does not exist');
  if (findContainer(pod, container) === undefined) throw new Refusal(404, `container ${container} does not exist`);
  const timeout = request.timeouts.at(-1) ?? '0';
  if (!/^[+-]?\d+$/.test(timeout)) throw new Refusal(404, 'cannot parse value of timeout parameter');
  const failed = (why: string): Refusal => new Refusal(500, `checkpointing of ${namespace}/${request.pod}/${container} failed (${why})`);

  const containerId = await host.runningContainer(pod, container);
  if (containerId === undefined) throw failed(`container ${container} not found`);
  makeFolder(host.checkpoints, 0o700);
  const name = `checkpoint-${pod.metadata.name}_${namespace}-${container}-${formatTime(clock.now())}.tar`;
  const location = join(host.checkpoints, name);
  try {
    await host.cri.runtime.checkpointContainer({ containerId, location, timeout: Number(timeout) });
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    throw failed(error.message);
  }
  return json({ items: [location] });
}
