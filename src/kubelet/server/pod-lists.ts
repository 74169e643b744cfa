// `/pods`, `/runningpods/`, `/run`. Source: getPods, getRunningPods, getRun.
import type { Pod } from '#api/types.ts';
import { json, Refusal, type WholeAnswer } from './answers.ts';
import type { KubeletHost } from './contract.ts';

export function pods(host: KubeletHost): WholeAnswer {
  return json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: host.pods() });
}

/** Pods as the runtime sees them: what is known there is little. Source: kubecontainer Pod.ToAPIPod. */
export async function runningPods({ cri }: KubeletHost): Promise<WholeAnswer> {
  const [{ items }, { containers }] = await Promise.all([
    cri.runtime.listPodSandbox({ filter: { state: { state: 'SANDBOX_READY' } } }),
    cri.runtime.listContainers({ filter: { state: { state: 'CONTAINER_RUNNING' } } }),
  ]);
  const listed = items.map(({ id, metadata }) => ({
    metadata: { name: metadata?.name ?? '', namespace: metadata?.namespace ?? '', uid: metadata?.uid ?? '' },
    spec: {
      containers: containers
        .filter(({ podSandboxId }) => podSandboxId === id)
        .map(({ metadata: named, image }) => ({ name: named?.name ?? '', image: image?.image ?? '', resources: {} })),
    },
    status: {},
  }));
  return json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: listed });
}

export interface RunRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** Words are parted by spaces. */
  readonly cmd: string;
}

/** What a command wrote. @throws Refusal, CriError. Source: RunInContainer. */
export async function run({ namespace, pod: podName, uid, container, cmd }: RunRequest, host: KubeletHost): Promise<WholeAnswer> {
  const pod = host.pod(namespace, podName);
  if (pod === undefined) throw new Refusal(404, 'pod does not exist');
  const containerId = await host.runningContainer(instance(pod, uid), container);
  if (containerId === undefined) throw new Refusal(500, `container not found ("${container}")`);
  const { stdout, stderr, exitCode } = await host.cri.runtime.execSync({ containerId, cmd: cmd.split(' '), timeout: 0 });
  if (exitCode !== 0) throw new Refusal(500, `command '${cmd}' exited with ${exitCode}: ${Buffer.from(stderr).toString()}`);
  return { type: 'application/json', body: Buffer.concat([stdout, stderr]) };
}

const instance = (pod: Pod, uid: string): Pod => (uid === '' ? pod : { ...pod, metadata: { ...pod.metadata, uid } });
