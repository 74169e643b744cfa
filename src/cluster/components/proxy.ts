// `proa proxy`.
import { runProgram } from '#base/program.ts';
import { endpointslices, services } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { Proxy } from '#proxy/proxy.ts';
import { runComponent, transportOf } from './context.ts';
import { Flags, type FlagValues } from './flags.ts';

export function proxy(given: FlagValues): Promise<void> {
  const flags = new Flags('proxy', given);
  return runComponent(flags, async (context) => {
    const { clock, ids, logger, signal, stops } = context;
    const transport = transportOf(context);
    stops.push(() => transport.close());
    const informers = createInformerFactory({ client: createClient(transport), logger, clock, ids });
    const running = new Proxy({
      services: informers.informer(services),
      endpointSlices: informers.informer(endpointslices),
      runProgram,
      clock,
      logger,
      config: { node: { name: flags.text('hostname-override'), zone: undefined }, podCIDR: flags.text('cluster-cidr') },
    });
    informers.start(signal);
    const ended = running.run(signal);
    stops.push(() => ended.catch(() => {})); // it ends by the signal; why else, is awaited here
    await Promise.race([running.synced, ended]);
    logger.info('the service proxy runs');
  });
}
