// `proa scheduler`.
import { load } from 'js-yaml';
import { hostname } from 'node:os';
import { RequestMetrics } from '#client/https/request-metrics.ts';
import { readConfiguration } from '#scheduler/config/configuration.ts';
import { configz } from '#scheduler/config/configz.ts';
import { SchedulerMetrics } from '#scheduler/metrics/metrics.ts';
import { runScheduler } from '../node/deciders.ts';
import { fileOf, runComponent, transportOf } from './context.ts';
import { electionOf, electionSettings } from './election.ts';
import { Flags, type FlagValues } from './flags.ts';
import { gatesOf } from './gates.ts';
import { serveComponent } from './serving.ts';

export function scheduler(given: FlagValues): Promise<void> {
  const flags = new Flags('scheduler', given);
  return runComponent(flags, async (context) => {
    const { clock, ids, logger, signal, stops } = context;
    const config = flags.optional('config') === undefined ? undefined : load(fileOf(context, 'config'));
    const requests = new RequestMetrics();
    const transport = transportOf(context, 'kube-scheduler', requests);
    stops.push(() => transport.close());
    const figures = new SchedulerMetrics();
    const gates = gatesOf(flags, logger);
    const { election, healthy, expose } = electionOf(flags);
    readConfiguration(config); // its faults are told before anything is served
    const told = configz(config, { kubeconfig: flags.text('kubeconfig'), leaderElection: electionSettings(flags) });
    await serveComponent(
      transport,
      {
        component: 'kube-scheduler',
        healthy,
        expose: () => figures.expose() + gates.expose() + expose() + requests.expose(),
        exposeResources: () => figures.exposePodResources(),
        configz: { componentconfig: told },
      },
      context,
    );
    const identity = `${hostname()}_${ids.uuid()}`;
    const running = runScheduler(config, figures, {
      transport: () => transport,
      identity,
      gates,
      ...(election === undefined ? {} : { election }),
      clock,
      ids,
      logger,
      signal,
    });
    stops.push(() => running.catch(() => {})); // why it broke has been told by then
    return { ended: running };
  });
}
