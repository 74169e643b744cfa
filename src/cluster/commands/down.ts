// `proa down`: ends the cluster's processes and its containers' supervision; keeps all state.
import { systemClock } from '#base/clock.ts';
import { lockForCommand } from '../instance/command-lock.ts';
import { keeperOf } from '../instance/keeper-of.ts';
import { pathsOf } from '../instance/paths.ts';
import { endUnkept } from '../instance/unkept.ts';
import { stopLocalNodes } from '../local-nodes/local-nodes.ts';
import { placeFrom } from './command-line.ts';

export async function down(options: Record<string, string | undefined>): Promise<void> {
  const place = placeFrom(options);
  const unlock = lockForCommand(place, 'down');
  let stopped: boolean;
  try {
    stopped = await keeperOf(place).stop();
    stopped = (await endUnkept(pathsOf(place), systemClock)) || stopped;
    await stopLocalNodes(place, systemClock);
  } finally {
    unlock();
  }
  process.stdout.write(
    stopped ? `The cluster is stopped; its state stays in ${place.dataDir}. proa up starts it again.\n` : 'The cluster was not running.\n',
  );
}
