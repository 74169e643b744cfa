// Who makes cgroups: this kubelet in the file system (cgroupfs), or systemd. Names here are as `/kubepods/burstable/pod1234`.
import { DbusError } from '../systemd/dbus.ts';
import { lastPart, sliceName, slicePath } from '../systemd/slice-names.ts';
import type { Slices } from '../systemd/slices.ts';
import { CgroupError } from './errors.ts';
import type { CgroupLimits } from './limits.ts';

export interface CgroupDriver {
  /** Where `name` lies below the root of a cgroup file system: that is what runtimes are told. */
  path(name: string): string;
  /** The last part of a name, of a folder found there. */
  nameOf(folder: string): string;
  /** Where the runtime puts a container, below its pod's path. */
  container(path: string, id: string): string;
  /** @throws CgroupError */
  create(name: string, limits: CgroupLimits): Promise<void>;
  /** @throws CgroupError */
  limit(name: string, limits: CgroupLimits): Promise<void>;
  /** Ends what runs in it. @throws CgroupError */
  remove(name: string): Promise<void>;
}

const nothing = async (): Promise<void> => {};

export const cgroupfsDriver: CgroupDriver = {
  path: (name) => name,
  nameOf: (folder) => folder,
  container: (path, id) => `${path}/${id}`,
  create: nothing,
  limit: nothing,
  remove: nothing,
};

/** Source: containerd, CRI-O: the prefix of scopes. */
const PREFIXES: Readonly<Record<string, string>> = { containerd: 'cri-containerd', 'cri-o': 'crio' };

/** `runtime`: its name, `containerd`. */
export function systemdDriver(slices: Pick<Slices, 'start' | 'set' | 'stop'>, runtime: string): CgroupDriver {
  const prefix = PREFIXES[runtime] ?? runtime;
  return {
    path: slicePath,
    nameOf: lastPart,
    container: (path, id) => `${path}/${prefix}-${id}.scope`,
    create: (name, limits) => told(slices.start(sliceName(name), limits)),
    limit: (name, limits) => told(slices.set(sliceName(name), limits)),
    remove: (name) => told(slices.stop(sliceName(name))),
  };
}

async function told(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof DbusError)) throw error;
    throw new CgroupError(error.message, { cause: error });
  }
}
