// The control plane in one process: store, API server, controllers, scheduler. Components reach the API by loopback, each
// as the user it would be by certificate or token.
import { readFileSync } from 'node:fs';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { clusterrolebindings, services } from '#api/resources.ts';
import type { UserInfo } from '#apiserver/authentication/contract.ts';
import { defaultParts, ensureDefaults } from '#apiserver/defaults.ts';
import { openapiRoutes } from '#apiserver/openapi/routes.ts';
import { defaultPrinters } from '#apiserver/printers/default-printers.ts';
import { type ApiServer, createApiServer } from '#apiserver/server.ts';
import { createClient } from '#client/client.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import type { Client, Transport } from '#client/contract.ts';
import { runControllers } from '#controllers/controllers.ts';
import { kubeDnsService } from '#dns/kube-dns.ts';
import { createScheduler } from '#scheduler/scheduler.ts';
import type { Store } from '#store/contract.ts';
import { openEmbeddedStore } from '#store/embedded/store.ts';
import type { Paths } from '../instance/paths.ts';
import { encryptionOf, flowControlOf } from './api-server.ts';
import type { Pki } from '../pki/store.ts';
import { firstAddress, type Settings } from '../settings/settings.ts';
import { ensureKubernetesService } from './kubernetes-service.ts';
import { ensureLocalPath, LOCAL_PATH_ACCOUNT } from './local-path.ts';

/** Prefix length of one node's pod network. Source: --node-cidr-mask-size. */
export const NODE_CIDR_MASK_SIZE = 24;

/** Group of the certificate in ../pki/inventory.ts. */
const CLUSTER_ADMINS = 'kubeadm:cluster-admins';

const serviceAccount = (name: string): UserInfo => ({
  name: `system:serviceaccount:kube-system:${name}`,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system'],
});

/** Source: RBAC bootstrap policy; certificates of the same names are in ../pki/inventory.ts. */
export const USERS = {
  admin: { name: 'kubernetes-admin', groups: ['system:masters'] },
  controllerManager: { name: 'system:kube-controller-manager', groups: [] },
  scheduler: { name: 'system:kube-scheduler', groups: [] },
  proxy: { name: 'system:kube-proxy', groups: [] },
  localPath: serviceAccount(LOCAL_PATH_ACCOUNT),
  kubelet: (nodeName: string): UserInfo => ({ name: `system:node:${nodeName}`, groups: ['system:nodes'] }),
} as const;

export interface ControlPlaneDeps {
  readonly settings: Settings;
  readonly paths: Paths;
  readonly pki: Pki;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

export interface ControlPlane {
  readonly server: ApiServer;
  loopback(user: UserInfo): Transport;
  /** Starts what decides: controllers and scheduler. Resolves once default objects are there. */
  startDeciding(): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when the API answers. @throws StoreLockedError, StoreCorruptError, StoreUnavailableError; Error for a taken port */
export async function startApi(deps: ControlPlaneDeps): Promise<ControlPlane> {
  const { settings, paths, pki, clock, ids, logger } = deps;
  const store = await openStore(deps);
  const read = (file: string): string => readFileSync(file, 'utf8');
  const kubeletClient = pki.read('apiserver-kubelet-client');
  const certificateAuthority = pki.certificate('ca');
  const frontProxyAuthority = pki.certificate('front-proxy-ca');
  const serving = pki.read('apiserver');
  const [first, last] = settings.nodePortRange.split('-').map(Number) as [number, number];
  const encryption = await encryptionOf(deps);
  const server = createApiServer({
    store,
    ...(encryption === undefined ? {} : { encryption }),
    clock,
    ids,
    logger: logger.with({ component: 'apiserver' }),
    listen: {
      host: settings.bindAddress,
      port: settings.port,
      // Which of the two a certificate must come from, each authenticator decides.
      tls: { serving, clientCa: certificateAuthority + frontProxyAuthority },
    },
    kubelet: () => ({ clientCertificate: kubeletClient.certificate, clientKey: kubeletClient.key, ca: certificateAuthority }),
    serviceNetwork: { cidrs: [settings.serviceCIDR], nodePorts: { first, last } },
    parts: (parts) => {
      const defaults = defaultParts(parts, {
        flowControl: flowControlOf(settings),
        authentication: {
          clientCa: certificateAuthority,
          frontProxy: { ca: frontProxyAuthority, allowedNames: ['front-proxy-client'] },
          serviceAccounts: {
            issuer: `https://kubernetes.default.svc.${settings.clusterDomain}`,
            signingKey: read(pki.keyPath('sa')),
            jwksUri: `https://${settings.nodeIP}:${settings.port}/openid/v1/jwks`,
          },
        },
      });
      return { ...defaults, routes: [...(defaults.routes ?? []), ...openapiRoutes(parts.schema)], printers: defaultPrinters };
    },
  });
  try {
    await server.start();
  } catch (error) {
    await store.close();
    throw error;
  }
  logger.info('the API server serves', { address: server.address, data: paths.store });

  const ending = new AbortController();
  const running: Promise<void>[] = [];
  return {
    server,
    loopback: (user) => server.loopback(user),
    async startDeciding() {
      await ensureObjects(server, deps, ending.signal);
      running.push(startControllers(server, deps, certificateAuthority, ending.signal));
      running.push(startScheduler(server, deps, ending.signal));
    },
    async stop() {
      ending.abort(new Error('the control plane stops'));
      await Promise.all(running);
      await server.stop();
      await store.close();
    },
  };
}

async function openStore({ settings, paths, clock, ids, logger }: ControlPlaneDeps): Promise<Store> {
  const own = logger.with({ component: 'store' });
  if (settings.store === 'embedded') return openEmbeddedStore({ dir: paths.store, clock, ids, logger: own });
  throw new Error(`store ${settings.store}: only the embedded store is available`);
}

/** System namespaces, default roles, the DNS Service: what every cluster has, written where it is missing. */
async function ensureObjects(server: ApiServer, { settings, clock, logger }: ControlPlaneDeps, signal: AbortSignal): Promise<void> {
  const client = createClient(server.loopback(USERS.admin));
  await ensureDefaults(client, { clock, logger, signal });
  await ensureAdminsBinding(client);
  await ensureLocalPath(client);
  await ensureKubernetesService(client, { clusterIP: firstAddress(settings.serviceCIDR), address: settings.nodeIP, port: settings.port });
  try {
    await client.create(services, kubeDnsService(settings.clusterDNS));
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists') && !(isStatusError(error, 'Invalid') && error.message.includes('already allocated')))
      throw error;
  }
}

/** What the API server's own client certificate for kubelets is allowed by. Source: kubeadm ClusterAdminsGroupAndClusterRoleBinding. */
async function ensureAdminsBinding(client: Client): Promise<void> {
  try {
    await client.create(clusterrolebindings, {
      metadata: { name: CLUSTER_ADMINS },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: CLUSTER_ADMINS }],
    });
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}

function startControllers(
  server: ApiServer,
  { settings, clock, ids, logger }: ControlPlaneDeps,
  rootCA: string,
  signal: AbortSignal,
): Promise<void> {
  const own = logger.with({ component: 'controller-manager' });
  const informers = createInformerFactory({ client: createClient(server.loopback(USERS.controllerManager)), logger: own, clock, ids });
  const running = runControllers({
    clientFor: (name) => createClient(server.loopback(serviceAccount(name))),
    informers,
    clock,
    ids,
    logger: own,
    config: { clusterCIDR: settings.podCIDR, nodeCIDRMaskSize: NODE_CIDR_MASK_SIZE, rootCA },
    signal,
  });
  informers.start(signal);
  return running.catch((error: unknown) => {
    if (!signal.aborted) own.error('controllers ended', { error });
  });
}

async function startScheduler(server: ApiServer, { clock, ids, logger }: ControlPlaneDeps, signal: AbortSignal): Promise<void> {
  const own = logger.with({ component: 'scheduler' });
  const client = createClient(server.loopback(USERS.scheduler));
  const informers = createInformerFactory({ client, logger: own, clock, ids });
  const scheduler = createScheduler({ client, informers, clock, ids, logger: own });
  informers.start(signal);
  await scheduler.start();
  signal.addEventListener('abort', () => void scheduler.stop(), { once: true });
}
