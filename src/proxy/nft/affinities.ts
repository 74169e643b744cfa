// pure
// Which endpoints clients are led to again, and what nft says of these clients.
import type { IpFamily } from '#apimachinery/ip.ts';
import { affinitySet, tableOf } from './table.ts';

/** Endpoints as `endpointId` tells them, by how many seconds their clients are remembered. */
export type Affinities = ReadonlyMap<number, ReadonlySet<string>>;

/** As nft lists them: `10.244.0.1 . 4123456789 . 77 expires 2h59m58s`, by seconds that they are remembered. */
export type Clients = ReadonlyMap<number, readonly string[]>;

export class AffinityState {
  /** No two Services have one in common. */
  readonly #endpoints = new Map<number, Set<string>>();
  #gone = new Map<number, Set<string>>();

  /** Of one Service. */
  update(before: Affinities | undefined, after: Affinities | undefined): void {
    for (const [seconds, ids] of before ?? []) {
      const known = this.#endpoints.getOrInsert(seconds, new Set());
      const gone = this.#gone.getOrInsert(seconds, new Set());
      for (const id of ids) if (known.delete(id)) gone.add(id);
      if (known.size === 0) this.#endpoints.delete(seconds);
    }
    for (const [seconds, ids] of after ?? []) {
      const known = this.#endpoints.getOrInsert(seconds, new Set());
      for (const id of ids) {
        known.add(id);
        this.#gone.get(seconds)?.delete(id);
      }
    }
  }

  /** The times for which there are sets of clients. Seconds. */
  lasting(): Iterable<number> {
    return this.#endpoints.keys();
  }

  isKnown(seconds: number, id: string): boolean {
    return this.#endpoints.get(seconds)?.has(id) === true;
  }

  /** Endpoints that went since the last call, where a set still has their clients. */
  takeGone(): Affinities {
    const gone = this.#gone;
    this.#gone = new Map();
    return new Map([...gone].filter(([seconds, ids]) => ids.size > 0 && this.#endpoints.has(seconds)));
  }
}

/** Clients in a listing of their set. */
export function clientsOf(listing: string): readonly string[] {
  const elements = /^\s*elements = \{([^}]*)\}/m.exec(listing)?.[1];
  return elements?.split(',').map((element) => element.trim()) ?? [];
}

/** The endpoint a client is led to. */
export const endpointOf = (client: string): string => / \. (\d+ \. \d+)/.exec(client)?.[1] ?? '';

/** Clients that a single nft command names. */
const CLIENTS_A_COMMAND = 1_000;

export function clientCommands(family: IpFamily, verb: 'add' | 'delete', seconds: number, clients: readonly string[]): readonly string[] {
  const commands: string[] = [];
  for (let i = 0; i < clients.length; i += CLIENTS_A_COMMAND) {
    const some = clients.slice(i, i + CLIENTS_A_COMMAND).map((client) => (verb === 'add' ? client : client.replace(/ expires .*/, '')));
    commands.push(`${verb} element ${tableOf(family)} ${affinitySet(seconds)} { ${some.join(', ')} }\n`);
  }
  return commands;
}
