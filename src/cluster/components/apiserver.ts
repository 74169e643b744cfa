// `proa apiserver`.
import { dirname } from 'node:path';
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { ensureDefaults } from '#apiserver/defaults.ts';
import { createClient } from '#client/client.ts';
import { apiAddress, startApi } from '../node/control-plane.ts';
import { USERS } from '../node/users.ts';
import { machineDefaults } from '../machine/facts.ts';
import type { KeyedCertificate } from '../pki/certificate.ts';
import { API_SERVER_SETTINGS } from '../settings/api-server.ts';
import { addressAt, firstAddress, firstOf, listOf } from '../settings/networks.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { pairInFolder } from './cert-dir.ts';
import { type ComponentContext, fileOf, runComponent } from './context.ts';
import { Flags, type FlagValues } from './flags.ts';

/** Upstream's flags that are settings of ours by another name. */
const SETTING_OF: Readonly<Record<string, string>> = {
  'secure-port': 'port',
  'bind-address': 'bind-address',
  'service-cluster-ip-range': 'service-cidr',
  'service-node-port-range': 'node-port-range',
  'etcd-cafile': 'store-ca-file',
  'etcd-certfile': 'store-cert-file',
  'etcd-keyfile': 'store-key-file',
  'log-level': 'log-level',
};

export function apiserver(given: FlagValues): Promise<void> {
  const flags = new Flags('apiserver', given);
  return runComponent(flags, async (context) => {
    const { clock, ids, logger, signal, stops } = context;
    const file = (name: string): string => (flags.optional(name) === undefined ? '' : fileOf(context, name));
    const etcd = flags.optional('etcd-servers');
    const named = Object.entries(SETTING_OF).map(([flag, setting]) => [setting, flags.optional(flag)] as const);
    const same = API_SERVER_SETTINGS.map(({ flag }) => [flag, given[flag]] as const);
    const settings = resolveSettings({
      flags: {
        ...Object.fromEntries([...named, ...same]),
        store: etcd === undefined ? 'embedded' : storeOf(etcd),
        'node-ip': advertised(flags),
        'cluster-dns': addressAt(firstOf(flags.text('service-cluster-ip-range')), 10),
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
        serving: await servingOf(context, [...listOf(settings.nodeIP), ...listOf(settings.serviceCIDR).map(firstAddress)]),
        clientAuthority: file('client-ca-file'),
        frontProxyAuthority: file('requestheader-client-ca-file'),
        kubeletClient: () => ({ certificate: file('kubelet-client-certificate'), key: file('kubelet-client-key') }),
        kubeletAuthority: file('kubelet-certificate-authority'),
        ...(flags.optional('proxy-client-cert-file') === undefined
          ? {}
          : { proxyClient: () => ({ certificate: file('proxy-client-cert-file'), key: file('proxy-client-key-file') }) }),
        signingKey: file('service-account-signing-key-file'),
      },
      clock,
      ids,
      logger,
    });
    stops.push(() => controlPlane.stop());
    const client = createClient(controlPlane.loopback(USERS.admin));
    const { server } = controlPlane;
    const gates = new FeatureGates(settings.featureGates);
    await ensureDefaults(client, { clock, logger, signal, gates, serviceCidrs: listOf(settings.serviceCIDR), hookDone: server.hookDone });
    await server.announce(apiAddress(settings));
    logger.info('the API server runs', { address: controlPlane.server.address });
  });
}

/** Where nothing else is said and the server listens on one address that others reach, that. Source: ResolveBindAddress. */
function advertised(flags: Flags): string | undefined {
  const bound = flags.text('bind-address');
  const ofMachine = (): string | undefined => machineDefaults(process.env).nodeIP;
  return (
    flags.optional('advertise-address') ?? (ANY_ADDRESS.has(bound) ? ofMachine() : LOOPBACK.test(bound) ? (ofMachine() ?? bound) : bound)
  );
}

const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const LOOPBACK = /^(?:127\.|::1$)/;

/** Read again when certificates were renewed. @throws CommandError when a file that was named cannot be read */
async function servingOf(context: ComponentContext, addresses: readonly string[]): Promise<() => KeyedCertificate> {
  const { flags } = context;
  if (flags.optional('tls-cert-file') === undefined) return pairInFolder(flags.text('cert-dir'), [...addresses, '127.0.0.1'], context);
  return () => ({ certificate: fileOf(context, 'tls-cert-file'), key: fileOf(context, 'tls-private-key-file') });
}

/** `--etcd-servers` as the setting `store` has it: `http://a:2379,http://b:2379`, or https. */
function storeOf(servers: string): string {
  const scheme = servers.startsWith('https:') ? 'etcds' : 'etcd';
  return `${scheme}://${servers.replaceAll(/https?:\/\//g, '')}`;
}
