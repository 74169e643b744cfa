// A real API server (over a store in memory, with the default authorisation and admission) and some controllers, each
// under its own service account, on a clock of the test's own.
import { generateKeyPairSync } from 'node:crypto';
import { isStatusError } from '#apimachinery/errors.ts';
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { namespaces, serviceaccounts } from '#api/resources.ts';
import { Schema, type SchemaOptions } from '#api/schema.ts';
import { defaultParts, ensureDefaults } from '#apiserver/defaults.ts';
import type { Route } from '#apiserver/routes/contract.ts';
import type { ApiServer } from '#apiserver/server-contract.ts';
import { createApiServer } from '#apiserver/server.ts';
import { createTestAuthority } from '#apiserver/testing/certificates.ts';
import { MemoryStore } from '#apiserver/testing/memory-store.ts';
import { ManualClock, systemClock, wait } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { type Client, ConnectionError, type Transport } from '#client/contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { ControllerMetrics } from '#controllers/metrics/metrics.ts';
import { type Controller, type ControllerConfig, runController } from '#controllers/runtime/controller.ts';

export interface ControllerTest {
  /** As a member of system:masters. */
  readonly client: Client;
  /** The present one. */
  readonly server: ApiServer;
  readonly clock: ManualClock;
  /** Of all controllers, each as `TYPE REASON MESSAGE`. */
  readonly events: string[];
  /** What controllers were refused or could not do. */
  readonly warnings: string[];
  /**
   * Resolves with what `look` gives as soon as that is not undefined; the clock moves on by `stepMs` between looks. Rejects when
   * that is not so within two minutes of the machine's time.
   */
  until<T>(look: () => Promise<T | undefined>, stepMs?: number): Promise<T>;
  /** Resolves as soon as `look` is refused with NotFound; otherwise as `until`. */
  gone(look: () => Promise<unknown>, stepMs?: number): Promise<true>;
  /** Ends the controllers and starts them anew, without what they knew; `meanwhile` runs between. */
  restart(meanwhile?: () => Promise<unknown>): Promise<void>;
  /** Ends the API server and starts it anew over the same store; the controllers go on meanwhile, and reach nobody. */
  restartServer(meanwhile?: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

export interface ControllerTestOptions {
  readonly controllers: readonly Controller[];
  /** Milliseconds since the epoch. */
  readonly now?: number;
  /** Before the controllers start. */
  readonly prepare?: (client: Client) => Promise<void>;
  /** Answers below `/apis/GROUP` of groups that another server serves. */
  readonly routes?: readonly Route[];
  /** Which built-in kinds it serves. Default: the stable ones. */
  readonly schema?: SchemaOptions;
  readonly config?: Partial<ControllerConfig>;
  /** `GATE=BOOL` by comma, for the server, the controllers and their rights. */
  readonly gates?: string;
  /** Where the controllers count. */
  readonly metrics?: ControllerMetrics;
  /** Stands between each controller and the server. */
  readonly between?: (transport: Transport, controller: string) => Transport;
}

/** Between looks at a server that has no event for "nothing more will happen". Milliseconds. */
const LOOK_MS = 5;
const STEP_MS = 250;
/** Of waiting for what never comes. Milliseconds. */
const GIVE_UP_MS = 120_000;

const MASTER = { name: 'admin', groups: ['system:masters'] };
const CONFIG = { clusterCIDRs: [{ cidr: '10.244.0.0/16', nodeMaskSize: 24 }], rootCA: 'CERTIFICATE' };

export async function startControllerTest({
  controllers,
  now,
  config,
  prepare,
  routes = [],
  schema = {},
  gates: gateText = '',
  between = (transport) => transport,
  metrics = new ControllerMetrics(),
}: ControllerTestOptions): Promise<ControllerTest> {
  const gates = new FeatureGates(gateText);
  const clock = new ManualClock(now);
  const store = new MemoryStore(clock);
  const ids = seededIds(1);
  const served = { routes, serves: schema, gates };
  const server = new Restartable(await startServer(store, clock, served));
  const client = createClient(server.loopback(MASTER));
  await ensureDefaults(client, { clock: systemClock, logger: silentLogger, gates });
  await client.create(namespaces, { metadata: { name: 'ns' } });
  for (const namespace of ['ns', 'default']) await client.create(serviceaccounts, { metadata: { name: 'default', namespace } });

  await prepare?.(client);
  const events: string[] = [];
  const warnings: string[] = [];
  const logger = warningsTo(warnings);
  const start = () => {
    const stopping = new AbortController();
    const informers = createInformerFactory({
      client: createClient(server.loopback({ name: 'system:kube-controller-manager', groups: ['system:authenticated'] })),
      logger,
      clock,
      ids,
    });
    const running = controllers.map((controller) => {
      const user = {
        name: `system:serviceaccount:kube-system:${controller.serviceAccount}`,
        groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
      };
      return runController(controller, {
        client: createClient(between(server.loopback(user), controller.name)),
        informers,
        events: { event: (_, type, reason, message) => void events.push(`${type} ${reason} ${message}`) },
        clock,
        ids,
        logger,
        config: { ...CONFIG, ...config },
        gates,
        signal: stopping.signal,
        metrics,
      });
    });
    informers.start(stopping.signal);
    return async () => {
      stopping.abort(new Error('the test ends them'));
      await Promise.allSettled(running);
    };
  };
  let end = start();
  const until: ControllerTest['until'] = async (look, stepMs = STEP_MS) => {
    const end = systemClock.monotonic() + GIVE_UP_MS;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (systemClock.monotonic() > end) throw new Error(`what is waited for does not come: ${look.toString()}`);
      await wait(systemClock, LOOK_MS);
      clock.advance(stepMs);
    }
  };
  return {
    client,
    get server() {
      return server.current;
    },
    clock,
    events,
    warnings,
    until,
    gone: (look, stepMs) => until(async () => ((await isGone(look)) ? true : undefined), stepMs),
    async restart(meanwhile) {
      await end();
      await meanwhile?.();
      end = start();
    },
    async restartServer(meanwhile) {
      await server.stop();
      await meanwhile?.();
      server.current = await startServer(store, clock, served);
    },
    async stop() {
      await end();
      await server.stop();
      await store.close();
    },
  };
}

/** Whether `look` is refused with NotFound; what else it is refused with is thrown. */
export async function isGone(look: () => Promise<unknown>): Promise<boolean> {
  try {
    await look();
    return false;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return true;
    throw error;
  }
}

/** Clients of an API server that comes and goes. */
class Restartable {
  #server: ApiServer | undefined;
  #transports = new Map<string, Transport>();

  constructor(server: ApiServer) {
    this.#server = server;
  }

  /** @throws ConnectionError while there is none */
  get current(): ApiServer {
    if (this.#server === undefined) throw new ConnectionError('the API server is not there');
    return this.#server;
  }

  set current(server: ApiServer) {
    this.#server = server;
  }

  async stop(): Promise<void> {
    const [server, transports] = [this.#server, this.#transports];
    this.#server = undefined;
    this.#transports = new Map();
    for (const transport of transports.values()) await transport.close();
    await server?.stop();
  }

  loopback(user: { readonly name: string; readonly groups: readonly string[] }): Transport {
    const transport = (): Transport => {
      const known = this.#transports.get(user.name) ?? this.current.loopback(user);
      this.#transports.set(user.name, known);
      return known;
    };
    return {
      request: async (request) => transport().request(request),
      async *watch(request) {
        yield* transport().watch(request);
      },
      getPath: async (path, query, signal) => transport().getPath(path, query, signal),
      close: async () => {},
    };
  }
}

async function startServer(
  store: MemoryStore,
  clock: ManualClock,
  { routes, serves, gates }: { readonly routes: readonly Route[]; readonly serves: SchemaOptions; readonly gates: FeatureGates },
): Promise<ApiServer> {
  const { certificate } = await createTestAuthority(systemClock.now());
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  const server = createApiServer({
    store,
    schema: new Schema(serves),
    clock,
    ids: seededIds(2),
    logger: silentLogger,
    isFeatureOn: (gate) => gates.isOn(gate),
    parts: (parts) => {
      const defaults = defaultParts(parts, {
        authentication: {
          clientCa: certificate,
          serviceAccounts: {
            issuer: 'https://kubernetes.default.svc.cluster.local',
            signingKey,
            jwksUri: 'https://127.0.0.1/openid/v1/jwks',
          },
        },
      });
      return { ...defaults, routes: [...defaults.routes, ...routes] };
    },
  });
  await server.start();
  return server;
}

function warningsTo(lines: string[]): Logger {
  const note = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
    const { error } = fields ?? {};
    lines.push(error instanceof Error ? `${message}: ${error.message}` : message);
  };
  return { ...silentLogger, warn: note, error: note, with: () => warningsTo(lines) };
}
