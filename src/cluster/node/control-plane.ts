// The control plane in one process: store, API server, controllers, scheduler. Components reach the API by loopback, each
// as the user it would be by certificate or token.
import { load } from 'js-yaml';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import type { Clock } from '#base/clock.ts';
import { letLargeHeapsGrow } from '#base/heap-growth.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { UserInfo } from '#apiserver/authentication/contract.ts';
import { apiServerId } from '#apiserver/identity/id.ts';
import { DEFAULTS_HOOKS, defaultParts, ensureDefaults } from '#apiserver/defaults.ts';
import type { ApiAddress } from '#apiserver/kubernetes-service/plan.ts';
import { openapiRoutes } from '#apiserver/openapi/routes.ts';
import { defaultPrinters } from '#apiserver/printers/default-printers.ts';
import type { ApiServer } from '#apiserver/server-contract.ts';
import { createApiServer } from '#apiserver/server.ts';
import { createClient } from '#client/client.ts';
import type { Transport } from '#client/contract.ts';
import { LeaderMetrics } from '#client/leader-election/leader-metrics.ts';
import { QueueMetrics } from '#client/workqueue/queue-metrics.ts';
import { ControllerMetrics } from '#controllers/metrics/metrics.ts';
import { readConfiguration } from '#scheduler/config/configuration.ts';
import { SchedulerMetrics } from '#scheduler/metrics/metrics.ts';
import { replaceText } from '../instance/json-file.ts';
import type { Paths } from '../instance/paths.ts';
import { authenticationOf, authorizationOf, followAccess, serviceAccountsOf, type FollowedAccess } from './access.ts';
import { secretTokens } from './secret-tokens.ts';
import { admissionOf, auditOf, enablementOf, encryptionOf, flowControlOf, tracerOf } from './api-server.ts';
import type { KeyedCertificate } from '../pki/certificate.ts';
import type { Pki } from '../pki/store.ts';
import { firstAddress, firstOf, listOf } from '../settings/networks.ts';
import { settingFile } from '../settings/setting-file.ts';
import type { Settings } from '../settings/settings.ts';
import { apiServerFlags } from '../settings/told-flags.ts';
import { ensureClusterObjects } from './cluster-objects.ts';
import { clusterCIDRs, runControllerManager, runScheduler } from './deciders.ts';
import { ensureLocalPath } from './local-path.ts';
import { ensureMetricsReader, MetricsSeat, schemaWithMetrics } from './metrics.ts';
import { whyRoute } from '../why/route.ts';
import { openStore } from './open-store.ts';
import { USERS } from './users.ts';

/** Keys and certificates of an API server, PEM. */
export interface ApiMaterial {
  /** Read again when certificates were renewed. */
  serving(): KeyedCertificate;
  /** Of client certificates and of front proxies; empty: none are taken. */
  readonly clientAuthority: string;
  readonly frontProxyAuthority: string;
  /** Shown to kubelets, whose own certificates `kubeletAuthority` vouches for; empty: they are not verified. */
  kubeletClient(): KeyedCertificate;
  readonly kubeletAuthority: string;
  /** Shown to aggregated API servers. */
  readonly proxyClient?: () => KeyedCertificate;
  /** Signs service account tokens. */
  readonly signingKey: string;
}

export function materialOf(pki: Pki): ApiMaterial {
  return {
    serving: () => pki.read('apiserver'),
    clientAuthority: pki.certificate('ca'),
    frontProxyAuthority: pki.certificate('front-proxy-ca'),
    kubeletClient: () => pki.read('apiserver-kubelet-client'),
    kubeletAuthority: pki.certificate('ca'),
    proxyClient: () => pki.read('front-proxy-client'),
    signingKey: readFileSync(pki.keyPath('sa'), 'utf8'),
  };
}

export interface ControlPlaneDeps {
  readonly settings: Settings;
  readonly paths: Pick<Paths, 'store' | 'installation'>;
  readonly material: ApiMaterial;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

export interface ControlPlane {
  readonly server: ApiServer;
  loopback(user: UserInfo): Transport;
  /** Starts what decides: controllers and scheduler, with the authorities of this folder. Resolves once default objects are there. */
  startDeciding(pki: Pki): Promise<void>;
  /** Serves with the certificate that is in the pki folder now. */
  renewTls(): void;
  stop(): Promise<void>;
}

/** Resolves when the API answers. @throws StoreLockedError, StoreCorruptError, StoreUnavailableError; Error for a taken port */
export async function startApi(deps: ControlPlaneDeps): Promise<ControlPlane> {
  const { settings, paths, material, clock, ids, logger } = deps;
  const store = await openStore(deps);
  const { clientAuthority, frontProxyAuthority, kubeletAuthority } = material;
  // Shown to kubelets and aggregated servers; read again when renewed.
  const clients = { kubelet: material.kubeletClient(), proxy: material.proxyClient?.() };
  // Which of the two a certificate must come from, each authenticator decides.
  const authorities = clientAuthority + frontProxyAuthority;
  const tls = () => ({ serving: material.serving(), ...(authorities === '' ? {} : { clientCa: authorities }) });
  const frontProxy = frontProxyAuthority === '' ? {} : { frontProxy: { ca: frontProxyAuthority, allowedNames: ['front-proxy-client'] } };
  const [first, last] = settings.nodePortRange.split('-').map(Number) as [number, number];
  const encryption = await encryptionOf(deps);
  const tracer = await tracerOf(deps);
  const { serves, gates } = enablementOf(deps);
  const kubeletCredentials = () => ({ ca: kubeletAuthority, ...clients.kubelet });
  const metrics = new MetricsSeat({
    credentials: kubeletCredentials,
    clock,
    ids,
    logger: logger.with({ component: 'metrics' }),
  });
  const queues = new QueueMetrics();
  const controllerFigures = new ControllerMetrics();
  const elections = new LeaderMetrics();
  const scheduling = new SchedulerMetrics();
  const schedulerConfig = schedulerConfigOf(settings);
  const late: { access?: FollowedAccess } = {};
  const server = createApiServer({
    store,
    schema: schemaWithMetrics({ serves }),
    isFeatureOn: (featureGate) => gates.isOn(featureGate),
    ...(encryption === undefined ? {} : { encryption }),
    clock,
    ids,
    logger: logger.with({ component: 'apiserver' }),
    listen: {
      host: settings.bindAddress,
      port: settings.port,
      tls: tls(),
    },
    kubelet: () => ({
      clientCertificate: clients.kubelet.certificate,
      clientKey: clients.kubelet.key,
      ...(kubeletAuthority === '' ? {} : { ca: kubeletAuthority }),
    }),
    aggregation: {
      ...(clients.proxy === undefined ? {} : { proxyCertificate: () => clients.proxy as KeyedCertificate }),
      trust: { clientCa: clientAuthority, ...frontProxy },
    },
    capabilities: { privileged: settings.allowPrivileged },
    eventTtlSeconds: Math.max(1, Math.round(settings.eventTtl / 1_000)),
    shutdown: { delayMs: settings.shutdownDelayDuration, sendRetryAfter: settings.shutdownSendRetryAfter },
    hooks: [...DEFAULTS_HOOKS, 'bootstrap-controller'],
    profiling: settings.profiling,
    flags: apiServerFlags(settings),
    identity: gates.isOn('APIServerIdentity') ? { hostname: hostname() } : {},
    figures: [
      () => gates.expose(),
      () => scheduling.expose(),
      () => queues.expose(),
      () => controllerFigures.expose(),
      () => elections.expose(),
      () => late.access?.expose() ?? '',
    ],
    serviceNetwork: { cidrs: listOf(settings.serviceCIDR), nodePorts: { first, last } },
    parts: (parts) => {
      const defaults = defaultParts(parts, {
        gates,
        flowControl: flowControlOf(settings),
        authorization: authorizationOf(settings),
        admission: admissionOf(settings),
        authentication: {
          ...authenticationOf(settings),
          clientCa: clientAuthority,
          ...frontProxy,
          serviceAccounts: serviceAccountsOf(settings, material.signingKey),
        },
      });
      const audit = auditOf(settings, parts);
      late.access = followAccess(settings, defaults, { serverId: apiServerId(hostname()), clock, logger: parts.logger });
      return {
        ...defaults,
        ...(audit === undefined ? {} : { audit }),
        ...(tracer === undefined ? {} : { tracer }),
        routes: [
          ...(defaults.routes ?? []),
          ...openapiRoutes(parts.schema, parts.remoteDocuments),
          whyRoute({
            loopback: (user) => parts.loopback(user),
            credentials: kubeletCredentials,
            clock,
            ids,
            logger: parts.logger.with({ component: 'why' }),
            schedulerConfig,
          }),
        ],
        handlers: new Map([...defaults.handlers, ...metrics.handlers()]),
        printers: defaultPrinters,
      };
    },
  });
  try {
    await server.start();
  } catch (error) {
    await server.stop(); // what it had begun must not find the store closed
    await store.close();
    throw error;
  }
  logger.info('the API server serves', { address: server.address, data: paths.store });
  const leaveHeap = letLargeHeapsGrow();

  const ending = new AbortController();
  const running: Promise<void>[] = [];
  return {
    server,
    loopback: (user) => server.loopback(user),
    async startDeciding(pki) {
      await ensureObjects(server, deps, pki.certificate('ca'), ending.signal);
      // One data folder has one process: under a name of its own it leads again at once after a crash.
      const identity = `${settings.nodeName}_${installationId(paths, ids)}`;
      const transport = (user: UserInfo): Transport => server.loopback(user);
      const deciding = { transport, identity, election: { metrics: elections }, gates, clock, ids, logger, signal: ending.signal };
      const authority = pki.read('ca');
      const issueToken = secretTokens(pki, { clock, ids });
      const config = { clusterCIDRs: clusterCIDRs(settings.podCIDR), rootCA: authority.certificate, issueToken };
      running.push(
        runControllerManager({ ...config, clusterSigning: authority }, { ...deciding, queues, metrics: controllerFigures }),
        runScheduler(schedulerConfig, scheduling, deciding),
      );
      running.push(metrics.run(server.loopback(USERS.metrics), ending.signal));
    },
    renewTls() {
      clients.kubelet = material.kubeletClient();
      clients.proxy = material.proxyClient?.();
      server.reloadTls(tls());
    },
    async stop() {
      ending.abort(new Error('the control plane stops'));
      leaveHeap();
      late.access?.stop();
      await Promise.all(running);
      await server.stop();
      await store.close();
    },
  };
}

/** Checked here, so that a fault is told at the start. @throws SettingsError */
function schedulerConfigOf({ schedulerConfig }: Settings): unknown {
  if (schedulerConfig === '') return undefined;
  return settingFile('schedulerConfig', schedulerConfig, (text) => {
    const config = load(text);
    readConfiguration(config);
    return config;
  });
}

/** Made once for a data folder. */
function installationId({ installation }: Pick<Paths, 'installation'>, ids: Ids): string {
  if (!existsSync(installation)) replaceText(installation, ids.uuid());
  return readFileSync(installation, 'utf8');
}

/** System namespaces, default roles, DNS: what every cluster has, written where it is missing. */
async function ensureObjects(
  server: ApiServer,
  { settings, clock, logger }: ControlPlaneDeps,
  authority: string,
  signal: AbortSignal,
): Promise<void> {
  const client = createClient(server.loopback(USERS.admin));
  const gates = new FeatureGates(settings.featureGates);
  await ensureDefaults(client, { clock, logger, signal, gates, serviceCidrs: listOf(settings.serviceCIDR), hookDone: server.hookDone });
  await ensureLocalPath(client);
  await ensureMetricsReader(client);
  await ensureClusterObjects(settings, authority, { client, clock, logger, signal });
  await server.announce(apiAddress(settings));
}

/** Where pods find this API server, by the Service `kubernetes`. */
export function apiAddress({ serviceCIDR, nodeIP, port }: Settings): ApiAddress {
  return { clusterIP: firstAddress(firstOf(serviceCIDR)), address: firstOf(nodeIP), port };
}
