// The lease that says the node is alive.
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { formatMicroTime } from '#apimachinery/time.ts';
import { leases } from '#api/resources.ts';
import type { Lease, Node } from '#api/types.ts';
import { ConnectionError, type Client } from '#client/contract.ts';

/** Source: v1.NamespaceNodeLease. */
const NAMESPACE = 'kube-node-lease';
/** Share of its duration after which a lease is renewed. Source: nodeLeaseRenewIntervalFraction. */
const RENEW_FRACTION = 0.25;
/** Wait after a failure, doubled up to the longest, milliseconds. Source: lease controller minBackoff, maxBackoff. */
const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 7000;

export interface NodeLeaseDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly durationSeconds: number;
  /** The lease goes when the node goes; undefined while it is not registered. */
  readonly node: () => Node | undefined;
}

/** Source: component-helpers lease controller, as the kubelet sets it up. */
export class NodeLease {
  readonly #deps: NodeLeaseDeps;
  #lease: Lease | undefined;
  #timer: CancelTimer | undefined;
  #stopped = false;
  #retryMs = RETRY_MIN_MS;

  constructor(deps: NodeLeaseDeps) {
    this.#deps = deps;
  }

  start(): void {
    void this.#turn();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.();
  }

  async #turn(): Promise<void> {
    const { clock, durationSeconds, logger } = this.#deps;
    let waitMs = durationSeconds * 1000 * RENEW_FRACTION;
    try {
      await this.#renew();
      this.#retryMs = RETRY_MIN_MS;
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof ConnectionError)) throw error;
      logger.warn('Failed to update node lease', { error });
      waitMs = this.#retryMs;
      this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    }
    if (!this.#stopped) this.#timer = clock.after(waitMs, () => void this.#turn());
  }

  async #renew(): Promise<void> {
    const { client, nodeName } = this.#deps;
    const ref = { name: nodeName, namespace: NAMESPACE };
    if (this.#lease === undefined) {
      try {
        this.#lease = await client.create(leases, { ...this.#draft(), metadata: { ...ref, ...this.#owner() } });
        return;
      } catch (error) {
        if (!isStatusError(error, 'AlreadyExists')) throw error;
        this.#lease = await client.get(leases, ref);
      }
    }
    try {
      const held = this.#lease;
      const owner = held.metadata.ownerReferences === undefined ? this.#owner() : {};
      this.#lease = await client.update(leases, {
        ...held,
        metadata: { ...held.metadata, ...owner },
        spec: { ...held.spec, ...this.#draft().spec },
      });
    } catch (error) {
      if (isStatusError(error, 'Conflict') || isStatusError(error, 'NotFound')) this.#lease = undefined; // read or made anew next time
      throw error;
    }
  }

  #draft(): Pick<Lease, 'kind' | 'apiVersion' | 'spec'> {
    const { nodeName, durationSeconds, clock } = this.#deps;
    return {
      kind: 'Lease',
      apiVersion: 'coordination.k8s.io/v1',
      spec: { holderIdentity: nodeName, leaseDurationSeconds: durationSeconds, renewTime: formatMicroTime(clock.now()) },
    };
  }

  /** Source: kubelet SetNodeOwnerFunc. */
  #owner(): { readonly ownerReferences?: Lease['metadata']['ownerReferences'] } {
    const node = this.#deps.node();
    return node === undefined
      ? {}
      : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid }] };
  }
}
