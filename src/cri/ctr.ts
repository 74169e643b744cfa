// containerd's own client, for what CRI has no call for.
import { type ProgramOptions, runProgram } from '#base/program.ts';

/** Where CRI keeps what it makes in containerd. Source: containerd pkg/cri/constants K8sContainerdNamespace. */
export const CRI_NAMESPACE = 'k8s.io';

/**
 * What `ctr` wrote, asked about CRI's namespace of the containerd that listens on `socket`, a path.
 * @throws ProgramError with containerd's words; the signal's reason
 */
export const ctr = (socket: string, args: readonly string[], options?: ProgramOptions): Promise<string> =>
  runProgram('ctr', [`--address=${socket}`, `--namespace=${CRI_NAMESPACE}`, ...args], options);
