// `proa image import|ls`: images of this machine's container runtime.
import { existsSync } from 'node:fs';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { connectCri } from '#cri/client.ts';
import { importArchive } from '#cri/image/import.ts';
import { pathsOf } from '../instance/paths.ts';
import { placesOf } from '../local-nodes/local-nodes.ts';
import type { Settings } from '../settings/settings.ts';
import { CommandError, storedSettings } from './command-line.ts';

type Options = Record<string, string | undefined>;

const MIB = 1024 * 1024;

/** Of this machine's runtime, then of those of its further nodes. @throws CommandError when the first does not run */
function socketsOf(settings: Settings): readonly [string, ...string[]] {
  const socket =
    settings.containerRuntimeEndpoint === ''
      ? pathsOf(settings).containerdSocket
      : settings.containerRuntimeEndpoint.replace(/^unix:\/\//, '');
  if (!existsSync(socket)) throw new CommandError(`the container runtime does not run (${socket}): start the cluster with proa up`);
  return [
    socket,
    ...placesOf(settings)
      .map((place) => pathsOf(place).containerdSocket)
      .filter((each) => existsSync(each)),
  ];
}

/** Into every node of this machine. */
export async function importImages(archives: readonly string[], options: Options): Promise<void> {
  const sockets = socketsOf(storedSettings(options));
  const missing = archives.filter((archive) => !existsSync(archive));
  if (missing.length > 0) throw new CommandError(`there is no file ${missing.join(', ')}`);
  const names = new Set<string>();
  for (const socket of sockets) {
    const cri = connectCri({ endpoint: `unix://${socket}`, clock: systemClock, logger: silentLogger });
    try {
      for (const archive of archives) {
        for (const { repoTags, id } of await importArchive(archive, { address: socket, images: cri.image, clock: systemClock }))
          names.add(repoTags[0] ?? id);
      }
    } finally {
      cri.close();
    }
  }
  for (const name of names) process.stdout.write(`${name}\n`);
}

export async function listImages(options: Options): Promise<void> {
  const cri = connectCri({ endpoint: `unix://${socketsOf(storedSettings(options))[0]}`, clock: systemClock, logger: silentLogger });
  try {
    const { images } = await cri.image.listImages({});
    const rows = images.map(({ id, repoTags, size }) => [
      repoTags[0] ?? '<none>',
      id.replace(/^sha256:/, '').slice(0, 12),
      `${(Number(size) / MIB).toFixed(1)} MiB`,
    ]);
    const table = [['IMAGE', 'ID', 'SIZE'], ...rows.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))];
    const width = Math.max(...table.map(([name = '']) => name.length));
    for (const [name = '', id = '', size = ''] of table) process.stdout.write(`${name.padEnd(width)}  ${id.padEnd(12)}  ${size}\n`);
  } finally {
    cri.close();
  }
}
