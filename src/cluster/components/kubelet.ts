// `proa kubelet`.
import { createClient } from '#client/client.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { connectCri } from '#cri/client.ts';
import { imageMounterFor } from '#kubelet/images/containerd-image-mounter.ts';
import { createKubelet } from '#kubelet/kubelet.ts';
import { apiAccess } from '#kubelet/server/api-access.ts';
import { createKubeletServer } from '#kubelet/server/server.ts';
import { kubeletConfigOf, startKubelet } from '../node/kubelet-config.ts';
import { labelList, labelsOf } from '../settings/value.ts';
import { listOf } from '../settings/networks.ts';
import { fileOf, runComponent, transportOf } from './context.ts';
import { Flags, type FlagValues } from './flags.ts';

export function kubelet(given: FlagValues): Promise<void> {
  const flags = new Flags('kubelet', given);
  return runComponent(flags, async (context) => {
    const { clock, ids, logger, signal, stops } = context;
    const transport = transportOf(context, 'kubelet');
    stops.push(() => transport.close());
    const client = createClient(transport);
    const informers = createInformerFactory({ client, logger, clock, ids });
    informers.start(signal);
    const socket = flags.text('container-runtime-endpoint').replace(/^unix:\/\//, '');
    const cri = connectCri({ endpoint: `unix://${socket}`, clock, logger });
    stops.push(() => cri.close());
    await cri.ready(signal);
    const imageMounter = await imageMounterFor(cri, socket);
    const staticPodPath = flags.optional('pod-manifest-path');
    const nodeName = flags.text('hostname-override');
    const running = createKubelet({
      client,
      informers,
      cri,
      clock,
      ids,
      logger,
      ...(imageMounter === undefined ? {} : { imageMounter }),
      config: {
        nodeName,
        hostnameOverride: nodeName,
        nodeIPs: listOf(flags.text('node-ip')),
        port: flags.number('port'),
        rootDir: flags.text('root-dir'),
        cgroupRoot: flags.text('cgroup-root'),
        clusterDNS: listOf(flags.text('cluster-dns')),
        clusterDomain: flags.text('cluster-domain'),
        resolvConf: flags.text('resolv-conf'),
        nodeLabels: labelsOf(flags.parsed('node-labels', labelList)),
        imageCredentialProviderConfigFile: flags.text('image-credential-provider-config'),
        imageCredentialProviderBinDir: flags.text('image-credential-provider-bin-dir'),
        ...kubeletConfigOf(flags.optional('config') ?? '', logger),
        ...(staticPodPath === undefined ? {} : { staticPodPath }),
      },
    });
    await startKubelet(running);
    stops.push(() => running.stop());
    const server = createKubeletServer({
      host: running.view,
      tls: () => ({
        certificate: fileOf(context, 'tls-cert-file'),
        key: fileOf(context, 'tls-private-key-file'),
        clientCa: fileOf(context, 'client-ca-file'),
      }),
      access: apiAccess({ client, clock, nodeName }),
      address: { host: flags.text('address'), port: flags.number('port') },
      clock,
      logger,
      flags: flags.all(),
    });
    await server.start();
    stops.push(() => server.stop());
    logger.info('the kubelet runs', { node: nodeName });
  });
}
