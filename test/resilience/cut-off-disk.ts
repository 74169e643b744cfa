// A disk of ext4 that can be cut off under whoever writes: what is not on it by then never gets there, as when the power fails.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { succeed } from '../harness/command.ts';
import { defer, type Owner } from '../harness/scope.ts';
import { temporaryFolder } from '../harness/temp.ts';

/** A file system of `size` bytes of memory: its folder. */
export async function smallDisk(owner: Owner, size: string): Promise<string> {
  const folder = join(temporaryFolder(owner), 'disk');
  mkdirSync(folder);
  await succeed('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  defer(owner, async () => void (await succeed('umount', ['--recursive', '--lazy', folder])));
  return folder;
}

/** EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: nothing that is not on the disk gets there any more. Source: ext4.h. */
const CUT_OFF = 'open(my $folder, "<", $ARGV[0]) or die; my $flags = pack("L", 2); ioctl($folder, 0x8004587d, $flags) or die "$!"';

export interface CutOffDisk {
  /** Where it is mounted. */
  readonly folder: string;
  /** From now on writes fail, and what was not synced is lost. */
  cutOff(): Promise<void>;
  /** Mounts it anew; nobody may have a file of it open. */
  mountAgain(): Promise<void>;
}

export async function cutOffDisk(owner: Owner): Promise<CutOffDisk> {
  const memory = await smallDisk(owner, '400m');
  const [image, folder] = [join(memory, 'image'), join(memory, 'mounted')];
  mkdirSync(folder);
  await succeed('truncate', ['--size=200M', image]);
  await succeed('mkfs.ext4', ['-q', image]);
  const mount = (): Promise<string> => succeed('mount', ['-o', 'loop', image, folder]);
  await mount();
  return {
    folder,
    cutOff: async () => void (await succeed('perl', ['-e', CUT_OFF, folder])),
    async mountAgain() {
      await succeed('umount', [folder]);
      await mount();
    },
  };
}
