// What controller tests start from: a fake API server, informers over it, and one controller running.
import { systemClock, wait } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { fakeClient } from '#client/testing.ts';
import { ControllerMetrics } from './metrics/metrics.ts';
import { type Controller, type ControllerConfig, runController } from './runtime/controller.ts';

export interface Recorded {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

export interface RunningController {
  readonly client: Client;
  readonly server: ReturnType<typeof fakeClient>['server'];
  readonly events: Recorded[];
  /** Resolves with what `look` gives as soon as that is not undefined. */
  until<T>(look: () => Promise<T | undefined>): Promise<T>;
  stop(): Promise<void>;
}

const CONFIG: ControllerConfig = {
  clusterCIDRs: [{ cidr: '10.244.0.0/16', nodeMaskSize: 24 }],
  rootCA: 'CERTIFICATE',
  issueToken: ({ metadata }, secretName) => `token of ${metadata.name} in ${secretName}`,
};

/** Between looks at the fake server, which has no event for "nothing more will happen". Milliseconds. */
const LOOK_MS = 5;

export function startController(
  controller: Controller,
  prepare: (client: Client) => Promise<void> = async () => {},
  config: Partial<ControllerConfig> = {},
  metrics?: ControllerMetrics,
): Promise<RunningController> {
  return startControllers([controller], prepare, config, metrics);
}

export async function startControllers(
  controllers: readonly Controller[],
  prepare: (client: Client) => Promise<void> = async () => {},
  config: Partial<ControllerConfig> = {},
  metrics = new ControllerMetrics(),
): Promise<RunningController> {
  const { client, server } = fakeClient();
  await prepare(client);
  const stop = new AbortController();
  const informers = createInformerFactory({ client, logger: silentLogger });
  const events: Recorded[] = [];
  const running = controllers.map((controller) =>
    runController(controller, {
      client,
      informers,
      events: { event: (_, type, reason, message) => void events.push({ type, reason, message }) },
      clock: systemClock,
      ids: seededIds(1),
      logger: silentLogger,
      config: { ...CONFIG, ...config },
      metrics,
      signal: stop.signal,
    }),
  );
  informers.start(stop.signal);
  return {
    client,
    server,
    events,
    async until(look) {
      for (;;) {
        const found = await look();
        if (found !== undefined) return found;
        await wait(systemClock, LOOK_MS);
      }
    },
    async stop() {
      stop.abort(new Error('the test is over'));
      await Promise.all(running);
    },
  };
}
