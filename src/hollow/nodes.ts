// Registers hollow nodes and keeps them alive: leases are renewed in a wheel, a bounded number at a time.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatMicroTime } from '#apimachinery/time.ts';
import { leases, nodes } from '#api/resources.ts';
import type { Lease, Node } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { runWorkers } from '#client/workqueue/workers.ts';
import { WorkQueue } from '#client/workqueue/work-queue.ts';
import { type HollowNode, LEASE_NAMESPACE, leaseObject, nodeObject, type NodeSize } from './node.ts';
import { Wheel } from './wheel.ts';

/** Source: kubelet nodeLeaseRenewIntervalFraction of 40 s. Milliseconds. */
const RENEW_MS = 10_000;
const RENEW_SLOTS = 100;

export interface NodesDeps {
  readonly nodes: ReadonlyMap<string, HollowNode>;
  readonly prefix: string;
  readonly size: NodeSize;
  /** The API, as a node. */
  readonly clientOf: (node: string) => Client;
  /** The API, as somebody who may delete nodes: they may not themselves. */
  readonly admin: Client;
  /** Requests under way at a time. */
  readonly workers: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Starts at once. */
export class HollowNodes {
  readonly #deps: NodesDeps;
  readonly #registering: WorkQueue<string>;
  readonly #renewing: WorkQueue<string>;
  readonly #wheel: Wheel<string>;
  /** As they were answered last, by node. */
  readonly #leases = new Map<string, Lease>();
  readonly #all = Promise.withResolvers<void>();
  readonly #running: Promise<unknown>;
  #registered = 0;

  constructor(deps: NodesDeps) {
    const { clock, workers, logger, signal } = deps;
    this.#deps = deps;
    this.#registering = new WorkQueue<string>({ clock });
    this.#renewing = new WorkQueue<string>({ clock });
    this.#wheel = new Wheel({ clock, periodMs: RENEW_MS, slots: RENEW_SLOTS, fire: (name) => this.#renewing.add(name) });
    const work = (queue: WorkQueue<string>, reconcile: (name: string) => Promise<void>): Promise<void> =>
      runWorkers(queue, { workers, reconcile, clock, logger, signal });
    this.#running = Promise.all([
      work(this.#registering, (name) => this.#register(name)),
      work(this.#renewing, (name) => this.#renew(name)),
    ]);
    for (const name of deps.nodes.keys()) this.#registering.add(name);
    this.#all.promise.catch(() => {}); // those who wait for it see it
    signal.addEventListener('abort', () => this.#all.reject(signal.reason), { once: true });
  }

  /** Resolves when all nodes are in the API and have a lease; rejects when stopped before. */
  registered(): Promise<void> {
    return this.#all.promise;
  }

  /** Resolves when nothing is under way any more; the signal must have been aborted. */
  async stopped(): Promise<void> {
    this.#wheel.stop();
    await this.#running;
  }

  /** After `stopped`. Their pods and leases are left to the garbage collectors. */
  async remove(): Promise<void> {
    const { admin, clock, logger, workers, nodes: all } = this.#deps;
    const done = new AbortController();
    const queue = new WorkQueue<string>({ clock });
    let left = all.size;
    const removeOne = async (name: string): Promise<void> => {
      try {
        await admin.delete(nodes, { name });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
      if (--left === 0) done.abort(new Error('all nodes are gone'));
    };
    for (const name of all.keys()) queue.add(name);
    await runWorkers(queue, { workers, reconcile: removeOne, clock, logger, signal: done.signal });
  }

  /** A node that is there already is taken over. */
  async #register(name: string): Promise<void> {
    const { nodes: all, clientOf, prefix, size, clock } = this.#deps;
    const hollow = all.get(name);
    if (hollow === undefined) throw new TypeError(`${name} is no hollow node`);
    const client = clientOf(name);
    const object = nodeObject(hollow, prefix, size, clock.now());
    let node: Node;
    try {
      node = await client.create(nodes, object);
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
      node = await client.patch(nodes, { name }, { type: 'strategic', body: { status: object.status } }, { subresource: 'status' });
    }
    await this.#createLease(node);
    this.#wheel.add(name);
    if (++this.#registered === all.size) this.#all.resolve();
  }

  async #createLease(node: Node): Promise<void> {
    const { clientOf, clock } = this.#deps;
    const { name } = node.metadata;
    try {
      this.#leases.set(name, await clientOf(name).create(leases, leaseObject(node, clock.now())));
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
      await this.#renew(name);
    }
  }

  /** Source: component-helpers lease controller retryUpdateLease. */
  async #renew(name: string): Promise<void> {
    const { clientOf, clock } = this.#deps;
    const client = clientOf(name);
    try {
      const held = this.#leases.get(name) ?? (await client.get(leases, { name, namespace: LEASE_NAMESPACE }));
      const spec = { ...held.spec, holderIdentity: name, renewTime: formatMicroTime(clock.now()) };
      this.#leases.set(name, await client.update(leases, { ...held, spec }));
    } catch (error) {
      this.#leases.delete(name);
      if (isStatusError(error, 'NotFound')) return this.#restore(name, client);
      throw error; // somebody else wrote it: read again next time
    }
  }

  /** Somebody deleted the lease. A node that was deleted itself stays away until the next start, as a kubelet's does. */
  async #restore(name: string, client: Client): Promise<void> {
    try {
      await this.#createLease(await client.get(nodes, { name }));
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }
}
