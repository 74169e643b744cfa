// A server without a port, over a store in memory, and a client of it: for tests of what the registry does.
import { systemClock, type Clock } from '#base/clock.ts';
import { randomIds, type Ids } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { NO_OPINION } from '../authorization/contract.ts';
import type { ApiServer, ApiServerOptions, PluggedParts } from '../server-contract.ts';
import { createApiServer } from '../server.ts';
import { ADMIN } from '../testing.ts';
import { MemoryStore } from './memory-store.ts';

export interface LoopbackServer {
  readonly server: ApiServer;
  readonly store: MemoryStore;
  readonly client: Client;
  stop(): Promise<void>;
}

export interface LoopbackOptions {
  readonly clock?: Clock;
  readonly ids?: Ids;
  readonly parts?: Partial<PluggedParts>;
  readonly options?: Partial<ApiServerOptions>;
  /** What the store says it is. */
  readonly engine?: MemoryStore['engine'];
}

export async function startLoopbackServer({
  clock = systemClock,
  ids = randomIds,
  parts = {},
  options = {},
  engine = 'embedded',
}: LoopbackOptions = {}): Promise<LoopbackServer> {
  const store = new MemoryStore(clock);
  store.engine = engine;
  const server = createApiServer({
    store,
    clock,
    ids,
    logger: silentLogger,
    parts: () => ({ authenticators: [], authorizer: { authorize: () => NO_OPINION }, ...parts }),
    ...options,
  });
  await server.start();
  return {
    server,
    store,
    client: createClient(server.loopback(ADMIN)),
    stop: async () => {
      await server.stop();
      await store.close();
    },
  };
}
