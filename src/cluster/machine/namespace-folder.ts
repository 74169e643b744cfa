// The folder where network namespaces have their names, for whoever names one: containerd, `ip netns`, ourselves.
import { mkdirSync, readdirSync } from 'node:fs';
import { ProgramError, runProgram } from '#base/program.ts';
import { mountsBelow } from './folders.ts';

const FOLDER = '/run/netns';

/**
 * Makes the folder a mount of its own before the first namespace gets a name in it. `ip netns add` does so when it finds none,
 * names and all: where mounts of /run are private, as in containers and without systemd, each older name is then mounted twice,
 * and neither containerd nor anybody else can remove it. What has names already stays as it is.
 * Source: iproute2 ip/ipnetns.c on_netns_add. @throws ProgramError
 */
export async function prepareNamespaceFolder(): Promise<void> {
  if (mountsBelow(FOLDER).length > 0) return;
  mkdirSync(FOLDER, { recursive: true, mode: 0o755 });
  await runProgram('mount', ['--bind', FOLDER, FOLDER]);
  await runProgram('mount', ['--make-rshared', FOLDER]);
}

/** Once no namespace has a name any more the mount serves nobody. @throws ProgramError */
export async function releaseNamespaceFolder(): Promise<void> {
  if (!isIdle()) return;
  try {
    await runProgram('umount', [FOLDER]);
  } catch (error) {
    // Another cluster of this machine may be leaving, or coming, at the same time.
    if (!(error instanceof ProgramError) || isIdle()) throw error;
  }
}

const isIdle = (): boolean => {
  const mounts = mountsBelow(FOLDER);
  return mounts.length > 0 && mounts.every((path) => path === FOLDER) && readdirSync(FOLDER).length === 0;
};
