// What the API server is given, and what it offers to whoever put it together.
import type { VersionInfo } from '#api/build.ts';
import type { Schema } from '#api/schema.ts';
import type { Capabilities } from '#api/validation/problems.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Transport } from '#client/contract.ts';
import type { Store } from '#store/contract.ts';
import type { AdmissionChain } from './admission/contract.ts';
import type { AdmissionMetrics } from './admission/metrics.ts';
import type { Authenticator, UserInfo } from './authentication/contract.ts';
import type { AggregationSettings } from './aggregation/aggregation.ts';
import type { Authorizer } from './authorization/contract.ts';
import type { CacheReader } from './cache/reader.ts';
import type { Handlers } from './handlers/dispatch.ts';
import type { EncryptionAtRest } from './encryption/at-rest.ts';
import type { Load } from './flow-control/work.ts';
import type { ListenOptions, TlsMaterial } from './http/listener.ts';
import type { CredentialsSource } from './kubelet/credentials.ts';
import type { IdentityOptions } from './identity/records.ts';
import type { ApiAddress } from './kubernetes-service/plan.ts';
import type { Outbound, ServiceResolver } from './outbound/contract.ts';
import type { ServiceRouting } from './outbound/service-resolver.ts';
import type { RemoteDocuments } from './openapi/remote-documents.ts';
import type { Printers } from './printers/contract.ts';
import type { Catalog } from './registry/catalog.ts';
import type { FieldManager } from './registry/field-manager.ts';
import type { ServiceNetwork } from './registry/allocation/network.ts';
import type { Route } from './routes/contract.ts';
import type { HealthCheck } from './routes/health.ts';
import type { HookDone, PostStartHook } from './routes/post-start-hooks.ts';
import type { AuditSink } from './audit/contract.ts';
import type { Tracer } from './tracing/contract.ts';
import type { FlowControl } from './stages/flow-control.ts';

/** How a server ends: first it says so, then it takes no more, then what is under way comes to its end. */
export interface ShutdownOptions {
  /** Milliseconds during which it fails readyz and serves as before, so that balancers notice. Source: --shutdown-delay-duration. */
  readonly delayMs: number;
  /** Requests that come after that are told to go elsewhere instead of finding a closed port. Source: --shutdown-send-retry-after. */
  readonly sendRetryAfter: boolean;
}

/** What parts made later may use of the server: given to `parts` before it starts. */
export interface ServerParts {
  readonly schema: Schema;
  readonly catalog: Catalog;
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Calls to webhooks and other servers. */
  readonly outbound: Outbound;
  /** Where Services are. */
  readonly services: ServiceResolver;
  readonly admissionMetrics: AdmissionMetrics;
  /** Of OpenAPI, of aggregated servers. */
  readonly remoteDocuments: RemoteDocuments;
  /** How much there is of `pods`, `deployments.apps`, and how many watch it. */
  readonly loadOf: (resource: string) => Load | undefined;
  /** The API itself, as this user. */
  loopback(user: UserInfo): Transport;
}

/** Parts that need the server to read from: each is made once, before the first request. */
export interface PluggedParts {
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  /** Whether a request to this path may come without credentials, as `system:anonymous`; over the server's option. */
  readonly anonymous?: (path: string) => boolean;
  /** Names under which tokens may be meant for this server. Default none. */
  readonly audiences?: readonly string[];
  readonly admission?: AdmissionChain;
  readonly printers?: Printers;
  readonly flowControl?: FlowControl;
  readonly audit?: AuditSink;
  readonly tracer?: Tracer;
  readonly fieldManager?: FieldManager;
  /** Further paths: OpenAPI, issuer discovery. */
  readonly routes?: readonly Route[];
  /** Resources and subresources with handlers of their own, by `pods/exec`, `tokenreviews.authentication.k8s.io`. */
  readonly handlers?: ReadonlyMap<string, Handlers>;
  readonly readyChecks?: readonly HealthCheck[];
  /** Figures of parts, for /metrics: each in Prometheus' text format. */
  readonly figures?: readonly (() => string)[];
}

export interface ApiServerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Where it listens, and with which certificates. Absent: no port, loopback only. */
  readonly listen?: ListenOptions & { readonly tls: TlsMaterial };
  readonly parts: (server: ServerParts) => PluggedParts;
  /** Requests without credentials are `system:anonymous`. Default true. */
  readonly anonymous?: boolean;
  readonly schema?: Schema;
  /** By the gate's name. Default: as upstream has them. */
  readonly isFeatureOn?: (featureGate: string) => boolean;
  readonly version?: VersionInfo;
  /** What it shows kubelets; without it there are no logs, no exec and no proxies. */
  readonly kubelet?: CredentialsSource;
  /** How long history is kept at least, milliseconds. Default five minutes. */
  readonly compactionIntervalMs?: number;
  /** Values in the store are encrypted. */
  readonly encryption?: EncryptionAtRest;
  /** What objects may ask for. Default all. */
  readonly capabilities?: Capabilities;
  /** How long events are kept. Default an hour. */
  readonly eventTtlSeconds?: number;
  /** Default: at once. */
  readonly shutdown?: ShutdownOptions;
  /** CPU profiles and heap snapshots of this process, below /debug/pprof. Default false. */
  readonly profiling?: boolean;
  /** What it was started with, by flag, as `/flagz` tells it; no secrets. Default none. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Figures of components in the same process, for /metrics: each in Prometheus' text format. */
  readonly figures?: readonly (() => string)[];
  /** Addresses of Services. */
  readonly serviceNetwork?: ServiceNetwork;
  /** How webhooks and aggregated servers behind Services are reached. Default: their endpoints. */
  readonly serviceRouting?: ServiceRouting;
  /** APIServices are kept and watched over, and requests for those of other servers are passed on. Absent: they are objects only. */
  readonly aggregation?: AggregationSettings;
  /** What it leaves in kube-system about itself. Absent: nothing. */
  readonly identity?: IdentityOptions;
  /** What whoever starts it does afterwards, and tells with `hookDone`: until then it fails its health checks. */
  readonly hooks?: readonly PostStartHook[];
}

export interface ApiServer {
  /** Fills the caches, then listens. @throws StoreUnavailableError; Error when the port cannot be had */
  start(): Promise<void>;
  /**
   * Leads the Service `kubernetes` here, and from then on to all servers over this store that serve. Resolves after the first
   * try; what fails is logged and tried again.
   */
  announce(address: ApiAddress): Promise<void>;
  readonly hookDone: HookDone;
  /** Leaves the Service `kubernetes`, fails readyz, ends watches, finishes what is under way, closes. The store stays open. */
  stop(): Promise<void>;
  /** Where it listens; undefined before start and without a port. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  /** The API for a component in this process. */
  loopback(user: UserInfo): Transport;
  readonly reader: CacheReader;
  /** New certificates for connections from now on. */
  reloadTls(tls: TlsMaterial): void;
  /** Older resource versions expire at once, as they do by themselves after a while. */
  forgetHistory(): Promise<void>;
}
