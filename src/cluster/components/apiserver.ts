// `proa apiserver`.
import { dirname } from 'node:path';
import { ensureDefaults } from '#apiserver/defaults.ts';
import { createClient } from '#client/client.ts';
import { apiAddress, startApi } from '../node/control-plane.ts';
import { USERS } from '../node/users.ts';
import { API_SERVER_SETTINGS } from '../settings/api-server.ts';
import { listOf } from '../settings/networks.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { fileOf, runComponent } from './context.ts';
import { Flags, type FlagValues } from './flags.ts';

/** Upstream's flags that are settings of ours by another name. */
const SETTING_OF: Readonly<Record<string, string>> = {
  'secure-port': 'port',
  'bind-address': 'bind-address',
  'advertise-address': 'node-ip',
  'service-cluster-ip-range': 'service-cidr',
  'service-node-port-range': 'node-port-range',
  'etcd-cafile': 'store-ca-file',
  'etcd-certfile': 'store-cert-file',
  'etcd-keyfile': 'store-key-file',
  'cluster-dns': 'cluster-dns',
  'log-level': 'log-level',
};

export function apiserver(given: FlagValues): Promise<void> {
  const flags = new Flags('apiserver', given);
  return runComponent(flags, async (context) => {
    const { clock, ids, logger, signal, stops } = context;
    const file = (name: string): string => fileOf(context, name);
    const etcd = flags.optional('etcd-servers');
    const named = Object.entries(SETTING_OF).map(([flag, setting]) => [setting, flags.optional(flag)] as const);
    const same = API_SERVER_SETTINGS.map(({ flag }) => [flag, given[flag]] as const);
    const settings = resolveSettings({
      flags: {
        ...Object.fromEntries([...named, ...same]),
        store: etcd === undefined ? 'embedded' : storeOf(etcd),
        'node-name': 'apiserver',
      },
      file: undefined,
      machine: { kubeconfig: '/dev/null' },
    });
    const store = flags.text('data-dir');
    const controlPlane = await startApi({
      settings,
      paths: { store, installation: `${dirname(store)}/installation` },
      material: {
        serving: () => ({ certificate: file('tls-cert-file'), key: file('tls-private-key-file') }),
        clientAuthority: file('client-ca-file'),
        frontProxyAuthority: file('requestheader-client-ca-file'),
        kubeletClient: () => ({ certificate: file('kubelet-client-certificate'), key: file('kubelet-client-key') }),
        kubeletAuthority: file('kubelet-certificate-authority'),
        proxyClient: () => ({ certificate: file('proxy-client-cert-file'), key: file('proxy-client-key-file') }),
        signingKey: file('service-account-signing-key-file'),
      },
      clock,
      ids,
      logger,
    });
    stops.push(() => controlPlane.stop());
    const client = createClient(controlPlane.loopback(USERS.admin));
    const { server } = controlPlane;
    await ensureDefaults(client, { clock, logger, signal, serviceCidrs: listOf(settings.serviceCIDR), hookDone: server.hookDone });
    await server.announce(apiAddress(settings));
    logger.info('the API server runs', { address: controlPlane.server.address });
  });
}

/** `--etcd-servers` as the setting `store` has it: `http://a:2379,http://b:2379`, or https. */
function storeOf(servers: string): string {
  const scheme = servers.startsWith('https:') ? 'etcds' : 'etcd';
  return `${scheme}://${servers.replaceAll(/https?:\/\//g, '')}`;
}
