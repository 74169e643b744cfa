// pure
// What a kubelet writes on sandboxes and containers, so that a later kubelet knows them again.
import type { ContainerPort, LifecycleHandler, Pod } from '#api/types.ts';
import type { AnyContainer } from '../pod/containers.ts';
import { hashContainer } from './hash.ts';

/** Source: kubetypes labels. */
export const POD_NAME_LABEL = 'io.kubernetes.pod.name';
export const POD_NAMESPACE_LABEL = 'io.kubernetes.pod.namespace';
export const POD_UID_LABEL = 'io.kubernetes.pod.uid';
export const CONTAINER_NAME_LABEL = 'io.kubernetes.container.name';

/** Source: kuberuntime labels.go. */
const HASH = 'io.kubernetes.container.hash';
const RESTART_COUNT = 'io.kubernetes.container.restartCount';
const TERMINATION_PATH = 'io.kubernetes.container.terminationMessagePath';
const TERMINATION_POLICY = 'io.kubernetes.container.terminationMessagePolicy';
const DELETION_GRACE = 'io.kubernetes.pod.deletionGracePeriod';
const TERMINATION_GRACE = 'io.kubernetes.pod.terminationGracePeriod';
const PRE_STOP = 'io.kubernetes.container.preStopHandler';
const PORTS = 'io.kubernetes.container.ports';

type Labels = Readonly<Record<string, string>>;

/** The pod's own labels stay; ours win. Source: newPodLabels. */
export function sandboxLabels({ metadata }: Pod): Labels {
  return { ...metadata.labels, ...podLabels(metadata) };
}

function podLabels({ name, namespace, uid }: Pod['metadata']): Labels {
  return { [POD_NAME_LABEL]: name, [POD_NAMESPACE_LABEL]: namespace, [POD_UID_LABEL]: uid };
}

export function containerLabels(container: AnyContainer, pod: Pod): Labels {
  return { ...podLabels(pod.metadata), [CONTAINER_NAME_LABEL]: container.name };
}

/** Source: newContainerAnnotations. */
export function containerAnnotations(container: AnyContainer, pod: Pod, restartCount: number): Labels {
  const { deletionGracePeriodSeconds } = pod.metadata;
  const { terminationGracePeriodSeconds } = pod.spec;
  const preStop = container.lifecycle?.preStop;
  return {
    [HASH]: hashContainer(container),
    [RESTART_COUNT]: String(restartCount),
    [TERMINATION_PATH]: container.terminationMessagePath,
    [TERMINATION_POLICY]: container.terminationMessagePolicy,
    ...(deletionGracePeriodSeconds === undefined ? {} : { [DELETION_GRACE]: String(deletionGracePeriodSeconds) }),
    ...(terminationGracePeriodSeconds === undefined ? {} : { [TERMINATION_GRACE]: String(terminationGracePeriodSeconds) }),
    ...(preStop === undefined ? {} : { [PRE_STOP]: JSON.stringify(preStop) }),
    ...(container.ports === undefined || container.ports.length === 0 ? {} : { [PORTS]: JSON.stringify(container.ports) }),
  };
}

/** What the annotations of a container say; what cannot be read is as if it were not there. */
export interface ContainerNotes {
  readonly hash: string;
  readonly restartCount: number;
  readonly terminationMessagePath: string;
  readonly terminationMessagePolicy: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly terminationGracePeriodSeconds?: number;
  readonly preStop?: LifecycleHandler;
  readonly ports: readonly ContainerPort[];
}

/** Source: getContainerInfoFromAnnotations. */
export function readNotes(annotations: Labels): ContainerNotes {
  const number = (key: string): number | undefined => {
    const value = Number.parseInt(annotations[key] ?? '', 10);
    return Number.isNaN(value) ? undefined : value;
  };
  const deletion = number(DELETION_GRACE);
  const termination = number(TERMINATION_GRACE);
  const preStop = parseJson<LifecycleHandler>(annotations[PRE_STOP]);
  return {
    hash: annotations[HASH] ?? '',
    restartCount: number(RESTART_COUNT) ?? 0,
    terminationMessagePath: annotations[TERMINATION_PATH] ?? '',
    terminationMessagePolicy: annotations[TERMINATION_POLICY] ?? '',
    ...(deletion === undefined ? {} : { deletionGracePeriodSeconds: deletion }),
    ...(termination === undefined ? {} : { terminationGracePeriodSeconds: termination }),
    ...(preStop === undefined ? {} : { preStop }),
    ports: parseJson<readonly ContainerPort[]>(annotations[PORTS]) ?? [],
  };
}

function parseJson<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // written by another kubelet
    throw error;
  }
}
