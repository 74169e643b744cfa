// Which API servers serve: each keeps a key in the store they share, that goes with its lease when it no longer renews it.
import type { Endpoints } from '#api/types.ts';
import { prefixEnd, type KeyValue, type Store } from '#store/contract.ts';

/** Source: pkg/controlplane/instance.go, `/masterleases/`. */
const MEMBERS_PREFIX = '/registry/masterleases/';

export interface Members {
  /** Addresses of all that serve, in ascending order. @throws StoreUnavailableError */
  list(): Promise<readonly string[]>;
  /** Says that `address` serves. @throws StoreUnavailableError */
  renew(address: string): Promise<void>;
  /** Says that `address` serves no longer. @throws StoreUnavailableError */
  remove(address: string): Promise<void>;
}

/** A store that one process owns needs no keys: nobody else can serve from it. */
export function onlyMember(): Members {
  const serving = new Set<string>();
  return {
    list: () => Promise.resolve([...serving]),
    renew: (address) => Promise.resolve(void serving.add(address)),
    remove: (address) => Promise.resolve(void serving.delete(address)),
  };
}

/**
 * Keys and values are upstream's, so that its servers and ours see each other over one store.
 * `read` takes a value in either form. Source: pkg/controlplane/reconcilers/lease.go, peerEndpointLeases.
 */
export function storedMembers(store: Store, ttlSeconds: number, read: (value: Uint8Array) => Endpoints): Members {
  return {
    async list() {
      const { entries } = await store.range({ start: MEMBERS_PREFIX, end: prefixEnd(MEMBERS_PREFIX) });
      return entries.flatMap((entry) => addressIn(entry, read) ?? []).toSorted();
    },
    async renew(address) {
      const lease = await store.grantLease(ttlSeconds);
      const key = MEMBERS_PREFIX + address;
      await store.transact({ conditions: [], operations: [{ kind: 'put', key, value: valueOf(address), lease }] });
    },
    async remove(address) {
      await store.transact({ conditions: [], operations: [{ kind: 'delete', key: MEMBERS_PREFIX + address }] });
    },
  };
}

function addressIn({ value }: KeyValue, read: (value: Uint8Array) => Endpoints): string | undefined {
  return read(value).subsets?.[0]?.addresses?.[0]?.ip;
}

function valueOf(ip: string): Uint8Array {
  return Buffer.from(JSON.stringify({ kind: 'Endpoints', apiVersion: 'v1', metadata: {}, subsets: [{ addresses: [{ ip }] }] }));
}
