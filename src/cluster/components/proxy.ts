// `proa proxy`.
import { runNetworkProgram } from '#base/program.ts';
import { endpointslices, nodes, servicecidrs, services } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { defaultBindAddresses } from '#proxy/bind-addresses.ts';
import { proxyEvents } from '#proxy/events.ts';
import { Proxy } from '#proxy/proxy.ts';
import { ipPort, listOf, nodePortAddresses } from '../settings/networks.ts';
import { runComponent, transportOf } from './context.ts';
import { Flags, type FlagValues } from './flags.ts';

export function proxy(given: FlagValues): Promise<void> {
  const flags = new Flags('proxy', given);
  return runComponent(flags, async (context) => {
    const { clock, ids, logger, signal, stops } = context;
    const transport = transportOf(context, 'kube-proxy');
    stops.push(() => transport.close());
    const client = createClient(transport);
    const informers = createInformerFactory({ client, logger, clock, ids, managedFields: false });
    const nodeName = flags.text('hostname-override');
    const podCIDRs = listOf(flags.text('cluster-cidr'));
    const usual = defaultBindAddresses(podCIDRs);
    const running = new Proxy({
      services: informers.informer(services),
      endpointSlices: informers.informer(endpointslices),
      nodes: informers.informer(nodes, { fieldSelector: `metadata.name=${nodeName}` }),
      serviceCIDRs: informers.informer(servicecidrs),
      runProgram: runNetworkProgram,
      clock,
      logger,
      events: proxyEvents(client, { nodeName, clock, ids, logger, signal }),
      config: {
        nodeName,
        podCIDRs,
        nodePortAddresses: flags.parsed('nodeport-addresses', nodePortAddresses),
        bindAddresses: {
          healthz: flags.parsed('healthz-bind-address', ipPort(usual.healthz)),
          metrics: flags.parsed('metrics-bind-address', ipPort(usual.metrics)),
        },
        flags: flags.all(),
      },
    });
    informers.start(signal);
    const ended = running.run(signal);
    stops.push(() => ended.catch(() => {})); // why it broke has been told by then
    await Promise.race([running.synced, ended]);
    logger.info('the service proxy runs');
    return { ended };
  });
}
