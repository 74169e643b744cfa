// pure
// The CRI configuration of a container.
import type { Pod } from '#api/types.ts';
import type { Input } from '#cri/contract.ts';
import type { ContainerConfig, Device, Mount, UserNamespace } from '#cri/gen/objects.ts';
import type { DeviceGrant } from '../devices/api.ts';
import { expand } from '../env/expansion.ts';
import type { AnyContainer } from '../pod/containers.ts';
import type { ContainerPlacement } from '../topology/resource-managers.ts';
import { containerAnnotations, containerLabels } from './labels.ts';
import { kernelResources, type ResourceSettings } from './linux-resources.ts';
import { containerSecurityContext, type ImageUser } from './security-context.ts';
import { criSignal } from './signals.ts';

export interface ContainerConfigInput {
  readonly pod: Pod;
  readonly container: AnyContainer;
  readonly restartCount: number;
  /** What the runtime calls the image. */
  readonly imageRef: string;
  readonly user: ImageUser;
  readonly userNamespace: Input<UserNamespace>;
  readonly environment: ReadonlyMap<string, string>;
  readonly mounts: readonly Input<Mount>[];
  /** Raw block volumes. */
  readonly blockDevices: readonly Input<Device>[];
  /** CDI names of devices that were prepared for it. */
  readonly devices: readonly string[];
  /** What plugins give it to use its devices. */
  readonly granted: DeviceGrant;
  readonly targetId: string | undefined;
  readonly seccompRoot: string;
  readonly seccompDefault: boolean;
  readonly resources: ResourceSettings;
  readonly placement: ContainerPlacement;
}

/** Path of a container's log below the pod's log directory. Source: BuildContainerLogsDirectory, containerLogFileName. */
export function containerLogPath(name: string, restartCount: number): string {
  return `${name}/${restartCount}.log`;
}

/** Source: generateContainerConfig. */
export function containerConfig(input: ContainerConfigInput): Input<ContainerConfig> {
  const { pod, container, restartCount, environment, granted } = input;
  const lookup = (name: string): string | undefined => environment.get(name);
  const stopSignal = container.lifecycle?.stopSignal;
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: input.imageRef, userSpecifiedImage: container.image },
    command: (container.command ?? []).map((word) => expand(word, lookup)),
    args: (container.args ?? []).map((word) => expand(word, lookup)),
    workingDir: container.workingDir ?? '',
    labels: containerLabels(container, pod),
    annotations: { ...granted.annotations, ...containerAnnotations(container, pod, restartCount) },
    envs: [...new Map([...Object.entries(granted.envs), ...environment])].map(([key, value]) => ({
      key,
      value: Buffer.from(value, 'utf8'),
    })),
    mounts: [...granted.mounts.map(({ readOnly, ...mount }) => ({ ...mount, readonly: readOnly })), ...input.mounts],
    devices: [...granted.devices, ...input.blockDevices],
    cdiDevices: [...granted.cdiDevices, ...input.devices.map((name) => ({ name }))],
    logPath: containerLogPath(container.name, restartCount),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: kernelResources(container, pod, input.resources, input.placement),
      securityContext: containerSecurityContext(input),
    },
    ...(stopSignal === undefined ? {} : { stopSignal: criSignal(stopSignal) }),
  };
}
