// The containerd that Proa installs, at its places in a cluster's folders.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import type { Paths } from '../instance/paths.ts';
import { cniBinFolders, mayLowerOomScore } from '../machine/facts.ts';
import { Containerd } from './containerd.ts';

export function ownContainerd(paths: Paths, deps: { readonly clock: Clock; readonly logger: Logger }): Containerd {
  return new Containerd(
    {
      root: paths.containerdRoot,
      state: paths.containerdState,
      socket: paths.containerdSocket,
      cniBinDirs: cniBinFolders(),
      cniConfDir: paths.cniConf,
      snapshotter: 'overlayfs',
      pauseImage: PAUSE_IMAGE,
      restrictOOMScoreAdj: !mayLowerOomScore(),
    },
    paths.containerdLog,
    deps,
  );
}
