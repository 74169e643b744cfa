// Puts the API server together, and starts and stops it. Everything it depends on comes in; nothing is global.
import { isOnByDefault } from '#api/feature-gates/feature-gate-table.ts';
import { buildInfo, VERSION } from '#api/build.ts';
import { conversions } from '#api/conversion.ts';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { Schema } from '#api/schema.ts';
import { wait } from '#base/clock.ts';
import { createClient } from '#client/client.ts';
import type { Client, Transport } from '#client/contract.ts';
import type { Store } from '#store/contract.ts';
import { NO_ADMISSION } from './admission/contract.ts';
import { AdmissionMetrics } from './admission/metrics.ts';
import type { UserInfo } from './authentication/contract.ts';
import { SELF } from './authentication/self.ts';
import { Aggregation } from './aggregation/aggregation.ts';
import { COMPACTION_INTERVAL_MS, Compactor } from './cache/compactor.ts';
import { CacheHub } from './cache/hub.ts';
import { SharedReader } from './cache/shared-reader.ts';
import type { ChainDeps } from './chain.ts';
import { Deadlines } from './deadlines.ts';
import { discoveryRoutes } from './discovery/routes.ts';
import { builtInHandlers } from './handlers/built-in.ts';
import type { DispatchDeps } from './handlers/dispatch.ts';
import { Front } from './http/front.ts';
import { Listener } from './http/listener.ts';
import { Responder } from './http/respond.ts';
import { identityHooks, keepRecords } from './identity/records.ts';
import { Announcer, membersOf } from './kubernetes-service/announcer.ts';
import { LoopbackTransport } from './loopback/transport.ts';
import { AccessMetrics } from './metrics/access.ts';
import { RequestMetrics } from './metrics/requests.ts';
import { meteredStore, StoreMetrics } from './metrics/metered-store.ts';
import { metricsRoute } from './metrics/route.ts';
import { WatchMetrics } from './metrics/watches.ts';
import { HttpsOutbound } from './outbound/client.ts';
import { serviceResolver } from './outbound/service-resolver.ts';
import { NO_PRINTERS } from './printers/contract.ts';
import { AdmissionRunner } from './registry/admission.ts';
import { Catalog } from './registry/catalog.ts';
import { ConversionMetrics } from './extensions/conversion/metrics.ts';
import { conversionWebhook } from './extensions/conversion/webhook.ts';
import { CustomResources } from './extensions/custom-resources.ts';
import { RuleMetrics } from './extensions/rule-metrics.ts';
import { runDefinitionController } from './extensions/definition-controller.ts';
import { FieldTracking } from './registry/field-manager.ts';
import { DEFAULT_SERVICE_NETWORK } from './registry/allocation/network.ts';
import { keepAllocations } from './registry/allocation/repair.ts';
import { ServiceAllocator } from './registry/allocation/services.ts';
import { builtInStrategies } from './registry/strategies.ts';
import { eventStrategy } from './registry/strategies/core.ts';
import { serviceStrategy } from './registry/strategies/services.ts';
import type { Strategy } from './registry/strategy.ts';
import { TtlLeases } from './registry/ttl-leases.ts';
import type { Registry } from './registry/write-call.ts';
import type { Route } from './routes/contract.ts';
import { indexRoute } from './routes/index-page.ts';
import { PostStartHooks, type PostStartHook } from './routes/post-start-hooks.ts';
import { profilingRoutes } from './routes/profiling.ts';
import { serverHealthRoutes } from './routes/server-checks.ts';
import { RouteTable } from './routes/table.ts';
import { versionRoute } from './routes/version.ts';
import { zpagesRoutes } from './routes/zpages.ts';
import { MaxInFlight, type FlowControl } from './stages/flow-control.ts';
import type { ApiServerOptions, ApiServer } from './server-contract.ts';

/** Most milliseconds a request gets that is no watch or stream. Source: --request-timeout. */
const REQUEST_TIMEOUT_MS = 60_000;
/** How long a stopping server waits for requests under way, milliseconds. */
const DRAIN_MS = 10_000;

/** What every server does at its start. */
const OWN_HOOKS: readonly PostStartHook[] = [
  'generic-apiserver-start-informers',
  'storage-object-count-tracker-hook',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'start-service-ip-repair-controllers',
];
/** Source: --event-ttl. */
const EVENT_TTL_SECONDS = 3_600;

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { clock, ids, logger, listen, encryption } = options;
  const schema = options.schema ?? new Schema();
  const protobuf = kubeProtobuf(schema);
  const encrypted = encryption?.wrap(options.store, (key) => hub.resourceOf(key));
  const storeMetrics = new StoreMetrics();
  const store: Store = meteredStore(encrypted ?? options.store, {
    metrics: storeMetrics,
    clock,
    resourceOf: (key) => hub.resourceOf(key),
  });
  const hub: CacheHub = new CacheHub({ store, clock, logger });
  const access = new AccessMetrics();
  const watches = new WatchMetrics();
  const compactor = new Compactor();
  const allocator = new ServiceAllocator(options.serviceNetwork ?? DEFAULT_SERVICE_NETWORK, ids);
  const configured = {
    services: serviceStrategy(allocator) as unknown as Strategy,
    events: eventStrategy(options.eventTtlSeconds ?? EVENT_TTL_SECONDS) as unknown as Strategy,
  };
  const isFeatureOn = options.isFeatureOn ?? isOnByDefault;
  const strategies = builtInStrategies(schema, configured, isFeatureOn);
  const catalog = new Catalog({ schema, hub, strategies, conversions: conversions(schema) });
  const metrics = new RequestMetrics((info) => catalog.serves(info));
  const reader = new SharedReader(catalog, hub);
  const late: { deps?: { readonly chain: ChainDeps; readonly dispatch: DispatchDeps } } = {};
  const loopback = (user: UserInfo): Transport => {
    if (late.deps === undefined) throw new Error('the server is still being put together');
    return new LoopbackTransport(user, { ...late.deps, metrics, clock, ids, logger });
  };

  const address = { current: undefined as { readonly host: string; readonly port: number } | undefined };
  const admissionMetrics = new AdmissionMetrics();
  const outbound = new HttpsOutbound(clock);
  const services = serviceResolver({ reader, ids, routing: options.serviceRouting ?? 'endpoints', self: () => address.current });
  const stopping = new AbortController();
  const aggregation = new Aggregation({
    schema,
    reader,
    clock,
    logger,
    outbound,
    services,
    proxyCertificate: options.aggregation?.proxyCertificate,
    trust: options.aggregation?.trust,
    signal: stopping.signal,
  });
  const parts = options.parts({
    schema,
    catalog,
    reader,
    clock,
    ids,
    logger,
    outbound,
    services,
    admissionMetrics,
    remoteDocuments: aggregation.documents,
    loadOf: (resource) => hub.loadOf(resource),
    loopback,
  });
  const registry: Registry = {
    store,
    hub,
    catalog,
    reader,
    admission: new AdmissionRunner(parts.admission ?? NO_ADMISSION, clock, admissionMetrics),
    fieldManager: parts.fieldManager ?? new FieldTracking(catalog),
    authorizer: parts.authorizer,
    leases: new TtlLeases(store, clock),
    ...(encrypted === undefined ? {} : { encrypted }),
    ...(options.capabilities === undefined ? {} : { capabilities: options.capabilities }),
    clock,
    ids,
    logger,
  };
  const conversionMetrics = new ConversionMetrics();
  const ruleMetrics = new RuleMetrics(clock);
  const custom = new CustomResources({
    metrics: ruleMetrics,
    schema,
    catalog,
    hub,
    reader,
    clock,
    logger,
    webhookOf: (crd) => conversionWebhook(crd, { outbound, services, ids, clock, metrics: conversionMetrics, signal: stopping.signal }),
  });
  let controllers: Promise<unknown> | undefined;
  const state = { ready: false, stopping: false };
  let announcer: Announcer | undefined;
  const routes: Route[] = [];
  const flowControl: FlowControl = parts.flowControl ?? new MaxInFlight();
  const aggregates = options.aggregation !== undefined;
  const hooks = new PostStartHooks([
    ...OWN_HOOKS,
    ...(flowControl.hooks ?? []),
    ...(aggregates ? aggregation.hooks : []),
    ...(options.identity === undefined ? [] : identityHooks(options.identity)),
    ...(options.hooks ?? []),
  ]);
  routes.push(
    ...serverHealthRoutes({
      store: options.store,
      clock,
      logger,
      hooks,
      encryption: encryption?.checks ?? [],
      starting: aggregates ? [aggregation.registered] : [],
      ready: parts.readyChecks ?? [],
      informersSynced: () => state.ready,
      stopping: () => state.stopping,
    }),
    versionRoute(options.version ?? VERSION),
    metricsRoute({
      figures: [() => buildInfo(options.version), ...(parts.figures ?? []), ...(options.figures ?? [])],
      longRunning: () => front.longRunning,
      access,
      watches,
      storeMetrics,
      audit: parts.audit,
      encryption,
      requests: metrics,
      admission: admissionMetrics,
      aggregator: aggregation.metrics,
      conversion: conversionMetrics,
      rules: ruleMetrics,
      hub,
      store,
      flowControl,
    }),
    ...discoveryRoutes({
      schema,
      protobuf,
      remote: aggregation,
      serverAddress: () => (address.current === undefined ? '' : `${address.current.host}:${address.current.port}`),
    }),
    ...(options.profiling === true ? profilingRoutes(clock) : []),
    ...zpagesRoutes({ clock, isFeatureOn, flags: options.flags ?? {}, routes: () => routes }),
    ...(parts.routes ?? []),
    indexRoute(catalog, () => routes),
  );
  const chain: ChainDeps = {
    metrics: access,
    clock,
    authenticators: parts.authenticators,
    anonymous: parts.anonymous ?? (() => options.anonymous ?? true),
    authorizer: parts.authorizer,
    flowControl,
    audit: parts.audit,
    tracer: parts.tracer,
  };
  const handlers = new Map([
    ...builtInHandlers({
      splitStreams: isFeatureOn('PodLogsQuerySplitStreams'),
      authenticators: parts.authenticators,
      authorizer: parts.authorizer,
      audiences: parts.audiences ?? [],
      kubelet: options.kubelet,
      clock,
      ids,
    }),
    ...(parts.handlers ?? []),
  ]);
  const dispatch: DispatchDeps = {
    registry,
    schema,
    protobuf,
    routes: new RouteTable(routes),
    handlers,
    others: aggregation,
    deprecated: (info, release) => metrics.deprecated(info, release),
  };
  late.deps = { chain, dispatch };
  const unadmitted = (): Client => {
    const past = { ...registry, admission: new AdmissionRunner(NO_ADMISSION, clock, admissionMetrics) };
    const deps = { chain, dispatch: { ...dispatch, registry: past }, metrics, clock, ids, logger };
    return createClient(new LoopbackTransport(SELF, deps));
  };
  const deadlines = new Deadlines(clock, REQUEST_TIMEOUT_MS);
  const responder = new Responder({ printers: parts.printers ?? NO_PRINTERS, protobuf, clock, watches });
  const front: Front = new Front({ chain, dispatch, responder, deadlines, metrics, clock, ids, logger });
  const listener =
    listen === undefined ? undefined : new Listener({ tls: listen.tls, handle: (exchange) => front.handle(exchange), logger });

  return {
    async start() {
      await hub.start();
      hooks.done('generic-apiserver-start-informers');
      hooks.done('storage-object-count-tracker-hook'); // the caches are what counts
      await custom.start();
      hooks.done('start-apiextensions-informers');
      hooks.done('crd-informer-synced');
      const client = createClient(loopback(SELF));
      const firstLook = Promise.withResolvers<void>();
      controllers = Promise.all([
        runDefinitionController({ client, instances: unadmitted(), reader, resources: custom, clock, logger, signal: stopping.signal }),
        options.aggregation === undefined ? undefined : aggregation.run(client, hooks.done),
        options.identity === undefined
          ? undefined
          : keepRecords(options.identity, { client, reader, clock, ids, logger, signal: stopping.signal }),
        keepAllocations({
          ...{ client, store, reader, clock, ids, logger, signal: stopping.signal },
          looked(whole) {
            if (whole) hooks.done('start-service-ip-repair-controllers');
            firstLook.resolve();
          },
        }),
      ]);
      hooks.done('start-apiextensions-controllers');
      for (const hook of options.identity === undefined ? [] : identityHooks(options.identity)) hooks.done(hook);
      const intervalMs = options.compactionIntervalMs ?? COMPACTION_INTERVAL_MS;
      compactor.start({ store, clock, logger, intervalMs, compacted: (revision) => hub.compacted(revision) });
      if (listener !== undefined && listen !== undefined) address.current = await listener.listen(listen);
      flowControl.start?.(hooks.done);
      await Promise.race([firstLook.promise, controllers]);
      state.ready = true;
    },
    async announce(own) {
      const members = await membersOf(store, schema);
      announcer = new Announcer({ client: createClient(loopback(SELF)), members, clock, logger }, own);
      await announcer.start();
      hooks.done('bootstrap-controller');
    },
    hookDone: hooks.done,
    async stop() {
      if (state.stopping) return;
      state.stopping = true;
      await announcer?.stop();
      const { delayMs = 0, sendRetryAfter = false } = options.shutdown ?? {};
      if (delayMs > 0) {
        logger.info('the server stops: it is no longer ready', { servesOnForMs: delayMs });
        await wait(clock, delayMs);
      }
      if (sendRetryAfter) front.turnAway();
      else listener?.drain();
      front.endLongRunning();
      const patience = new AbortController();
      await Promise.race([front.idle(), wait(clock, DRAIN_MS, patience.signal).catch(() => {})]);
      patience.abort();
      if (sendRetryAfter) listener?.drain();
      listener?.destroy();
      deadlines.stop();
      custom.stop();
      stopping.abort(new Error('the server stops'));
      await controllers;
      outbound.close();
      await flowControl.stop?.();
      await parts.audit?.stop();
      await parts.tracer?.stop();
      await compactor.stop();
      await hub.stop();
      encryption?.stop();
    },
    get address() {
      return address.current;
    },
    loopback,
    reader,
    reloadTls: (next) => listener?.reload(next),
    forgetHistory: () => hub.forgetHistory(),
  };
}
