// `proa hollow`.
import { sharedTransports } from '#client/https/transport.ts';
import { userAgent } from '#client/https/user-agent.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { startHollow } from '#hollow/hollow.ts';
import { MAX_NODES } from '#hollow/node.ts';
import { parseStages } from '#hollow/stages.ts';
import { parseYaml } from '#apimachinery/yaml.ts';
import { CommandError } from '../commands/command-error.ts';
import { aborted } from '../node/process.ts';
import { USERS } from '../node/users.ts';
import { fileOf, runComponent, transportOf } from './context.ts';
import { Flags, type FlagValues } from './flags.ts';

export function hollow(given: FlagValues): Promise<void> {
  const flags = new Flags('hollow', given);
  const count = flags.number('nodes');
  if (count < 1 || count > MAX_NODES) throw new CommandError(`proa hollow: --nodes ${count} is not from 1 to ${MAX_NODES}`);
  const workers = flags.number('workers');
  if (workers < 1) throw new CommandError('proa hollow: --workers must be at least 1');
  return runComponent(flags, async (context) => {
    const { clock, ids, logger, stops } = context;
    const stages = flags.optional('stages') === undefined ? [] : parseStages(parseYaml(fileOf(context, 'stages')));
    const admin = transportOf(context, 'hollow');
    const { https } = loadKubeconfig({ clock, logger, env: process.env, stdin: 'none' }, { path: flags.text('kubeconfig') });
    const asNodes = sharedTransports({ ...https, userAgent: userAgent('kubelet') });
    stops.push(() => admin.close());
    stops.push(() => asNodes.close());
    const running = startHollow({
      count,
      prefix: flags.text('prefix'),
      size: { cpu: flags.text('cpu'), memory: flags.text('memory'), pods: flags.number('pods') },
      stages,
      workers,
      admin,
      transportOf(node) {
        const { name, groups } = USERS.kubelet(node);
        return asNodes.as({ user: name, groups });
      },
      clock,
      ids,
      logger,
    });
    stops.push(() => running.stop({ remove: !flags.isSet('keep') }));
    await Promise.race([running.registered(), aborted(context.signal)]);
    if (context.signal.aborted) return;
    logger.info('hollow nodes are registered', { nodes: count, afterMs: Math.round(clock.monotonic()) });
  });
}
