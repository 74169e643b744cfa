// `proa down`: ends the cluster's processes and its containers' supervision; keeps all state.
import { systemClock } from '#base/clock.ts';
import { stopKeeper } from '../instance/keeper.ts';
import { pathsOf } from '../instance/paths.ts';
import { stopUnit, systemdRuns } from '../instance/systemd.ts';
import { stopLocalNodes } from '../local-nodes/local-nodes.ts';
import { storedSettings } from './up.ts';

export async function down(options: Record<string, string | undefined>): Promise<void> {
  const settings = storedSettings(options);
  if (systemdRuns()) stopUnit({ remove: false });
  const stopped = await stopKeeper(pathsOf(settings), systemClock);
  await stopLocalNodes(settings, systemClock);
  process.stdout.write(
    stopped
      ? `The cluster is stopped; its state stays in ${settings.dataDir}. proa up starts it again.\n`
      : 'The cluster was not running.\n',
  );
}
