// Clients that are led to the endpoint they had before: carried over while a table is replaced, as when a proxy begins, and
// forgotten with their endpoint, so that nobody who found another is led back should it return. Source: nftables proxier, which
// keeps and deletes a set of clients for each endpoint.
import { Readable } from 'node:stream';
import type { Logger } from '#base/log.ts';
import { ProgramError } from '#base/program.ts';
import type { IpFamily } from '#apimachinery/ip.ts';
import { type AffinityState, clientCommands, type Clients, clientsOf, endpointOf } from './nft/affinities.ts';
import { affinitySet, tableOf } from './nft/table.ts';
import type { RunProgram } from './run-program.ts';

interface Deps {
  readonly family: IpFamily;
  readonly run: RunProgram;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Those of endpoints there are, as the kernel has them now. */
export async function knownClients(affinities: AffinityState, deps: Deps): Promise<Clients> {
  const clients = new Map<number, readonly string[]>();
  for (const seconds of affinities.lasting()) {
    const found = await listed(seconds, deps);
    clients.set(
      seconds,
      found.filter((client) => affinities.isKnown(seconds, endpointOf(client))),
    );
  }
  return clients;
}

/** A client may be gone by itself before it is named, which takes none away of those named with it: one more list tells who is left. */
const TRIES = 3;

/** To be called once the rules are in force: until then clients are led to these endpoints. */
export async function forgetClients(affinities: AffinityState, deps: Deps): Promise<void> {
  for (const [seconds, ids] of affinities.takeGone()) {
    for (let left = TRIES; left > 0; left--) {
      const clients = (await listed(seconds, deps)).filter((client) => ids.has(endpointOf(client)));
      if (clients.length === 0 || (await removed(seconds, clients, deps))) break;
    }
  }
}

async function removed(seconds: number, clients: readonly string[], { family, run, logger, signal }: Deps): Promise<boolean> {
  try {
    await run('nft', ['-f', '-'], { input: Readable.from(clientCommands(family, 'delete', seconds, clients)), signal });
    return true;
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    logger.debug('clients of an endpoint that is gone are not forgotten yet', { seconds, error });
    return false;
  }
}

/** None where there is no such set. */
async function listed(seconds: number, { family, run, logger, signal }: Deps): Promise<readonly string[]> {
  try {
    return clientsOf(await run('nft', ['list', 'set', ...tableOf(family).split(' '), affinitySet(seconds)], { signal }));
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    if (!error.stderr.includes('No such file or directory')) logger.warn('clients may be led to other endpoints', { seconds, error });
    return [];
  }
}
