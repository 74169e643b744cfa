// Writes allocations and reservations into claims, and takes them back. Source: dynamicresources.go bindClaim, Unreserve,
// PostFilter.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { orAborted } from '#base/or-aborted.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { AllocationResult, ResourceClaim } from '#api/gen/resource-v1.ts';
import { derivedName } from '#api/generated-name.ts';
import { controllerOf } from '#api/owner-references.ts';
import { pods, resourceclaims } from '#api/resources.ts';
import type { New, Pod, PodExtendedResourceClaimStatus } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import { retryOnConflict } from '#client/retry-on-conflict.ts';
import { isEqual } from '../../framework/cluster-event.ts';
import type { Metrics } from '../../metrics/metrics.ts';

export interface ClaimWriterDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class ClaimWriter {
  readonly #deps: ClaimWriterDeps;
  /** Requests beside the scheduling, with the owner's uid of a claim that is removed. */
  readonly #underWay = new Map<Promise<void>, string | undefined>();

  constructor(deps: ClaimWriterDeps) {
    this.#deps = deps;
  }

  /** The claim with the allocation, if there is one to write, and with the pod among those it is reserved for. @throws ClaimLost, ClaimUnwritten */
  async reserve(claim: ResourceClaim, pod: Pod, allocation: AllocationResult | undefined): Promise<ResourceClaim> {
    const { client, clock, ids } = this.#deps;
    const name = `${claim.metadata.namespace}/${claim.metadata.name}`;
    let latest: ResourceClaim | undefined = claim;
    /** Of the write under way, for whoever reads why the pod was not bound. */
    let writing = '';
    const during = <T>(what: string, write: Promise<T>): Promise<T> => {
      writing = what;
      return write;
    };
    try {
      return await retryOnConflict(clock, ids, async () => {
        const current = latest ?? (await during(`get updated claim ${name} after conflict`, client.get(resourceclaims, claim.metadata)));
        latest = undefined;
        if (current.metadata.deletionTimestamp !== undefined) throw new ClaimLost(`claim ${name} got deleted in the meantime`);
        if (allocation !== undefined && current.status?.allocation !== undefined)
          throw new ClaimLost(`claim ${name} got allocated elsewhere in the meantime`);
        const kept = allocation === undefined ? current : await during(`add finalizer to claim ${name}`, this.#keep(current));
        const reservedFor = [...(kept.status?.reservedFor ?? []), { resource: 'pods', name: pod.metadata.name, uid: pod.metadata.uid }];
        const status = { ...kept.status, ...(allocation === undefined ? {} : { allocation }), reservedFor };
        const what = allocation === undefined ? 'add reservation' : 'add allocation and reservation';
        return during(`${what} to claim ${name}`, client.update(resourceclaims, { ...kept, status }, { subresource: 'status' }));
      });
    } catch (error) {
      if (!isStatusError(error) && !(error instanceof ConnectionError)) throw error;
      throw new ClaimUnwritten(`${writing}: ${error.message}`, { cause: error });
    }
  }

  /**
   * Makes the claim for extended resources; its status is written afterwards. Its name follows from its pod, so that there is one
   * claim of it when an attempt before had no answer. @throws ClaimLost, StatusError, ConnectionError; the signal's reason
   */
  async make(draft: ResourceClaim, signal: AbortSignal): Promise<ResourceClaim> {
    const owner = controllerOf(draft)?.uid ?? '';
    // What an attempt before has removed still has that name, and would go once it is in use again.
    await orAborted(this.#removed(owner), signal);
    const { name: _, uid: __, generateName = '', ...rest } = draft.metadata;
    for (let others = 0; ; others++) {
      const name = derivedName(generateName, others === 0 ? owner : `${owner}/${others}`);
      const made = await this.#create({ metadata: { ...rest, generateName, name }, spec: draft.spec });
      if (made !== undefined) return made;
      const there = await this.#deps.client.get(resourceclaims, { namespace: rest.namespace, name });
      if (controllerOf(there)?.uid === owner) return this.#adopt(there, draft);
    }
  }

  /** `undefined` when there is one of its name. */
  async #create(claim: New<ResourceClaim>): Promise<ResourceClaim | undefined> {
    const { client, metrics } = this.#deps;
    const tell = (status: 'success' | 'failure'): void =>
      metrics.count('scheduler_resourceclaim_creates_total', { status, admin_access: 'false' });
    try {
      const made = await client.create(resourceclaims, claim);
      tell('success');
      return made;
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) return undefined;
      tell('failure');
      throw error;
    }
  }

  /** One that an attempt before left serves as long as it asks for the same; what a node needs may be another's. */
  async #adopt(there: ResourceClaim, { spec }: ResourceClaim): Promise<ResourceClaim> {
    const isFresh = there.metadata.deletionTimestamp === undefined && there.status?.allocation === undefined;
    if (isFresh && isEqual(there.spec, spec)) return there;
    await this.#remove(there);
    throw new ClaimLost(`claim ${there.metadata.namespace}/${there.metadata.name} of an attempt before had to go first`);
  }

  /** @throws StatusError, ConnectionError */
  async tellPod({ metadata }: Pod, extendedResourceClaimStatus: PodExtendedResourceClaimStatus): Promise<void> {
    const body = { metadata: { uid: metadata.uid }, status: { extendedResourceClaimStatus } };
    await this.#deps.client.patch(pods, metadata, { type: 'strategic', body }, { subresource: 'status' });
  }

  /** Deletes a claim that was made here; beside the scheduling. Source: deleteClaim. */
  remove(claim: ResourceClaim): void {
    this.#run('delete', claim.metadata, this.#remove(claim), controllerOf(claim)?.uid);
  }

  /** Resolves when no removal of a claim of this owner is under way any more, whether it went well or not. */
  async #removed(owner: string): Promise<void> {
    await Promise.all([...this.#underWay].filter(([, ofOwner]) => ofOwner === owner).map(([removal]) => removal));
  }

  async #remove({ metadata }: ResourceClaim): Promise<void> {
    const { client, clock, ids } = this.#deps;
    try {
      await retryOnConflict(clock, ids, async () => {
        const current = await client.get(resourceclaims, metadata);
        const finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== FINALIZER.resourceClaim);
        await client.update(resourceclaims, { ...current, metadata: { ...current.metadata, finalizers } });
      });
      await client.delete(resourceclaims, metadata, { preconditions: { uid: metadata.uid } });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }

  /** Beside the scheduling: the next attempt comes here again if it fails. */
  release({ metadata }: ResourceClaim, pod: Pod): void {
    const reservedFor = [{ $patch: 'delete', uid: pod.metadata.uid }];
    const body = { metadata: { uid: metadata.uid }, status: { reservedFor } };
    this.#run(
      'unreserve',
      metadata,
      this.#deps.client.patch(resourceclaims, metadata, { type: 'strategic', body }, { subresource: 'status' }),
    );
  }

  /** Likewise. */
  deallocate(claim: ResourceClaim): void {
    const { allocation: _, reservedFor: __, devices: ___, ...status } = claim.status;
    const update = this.#deps.client.update(resourceclaims, { ...claim, status }, { subresource: 'status' });
    this.#run('deallocate', claim.metadata, update);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay.keys());
  }

  /** A claim that is allocated is not removed before its devices are free. */
  async #keep(claim: ResourceClaim): Promise<ResourceClaim> {
    const { finalizers = [] } = claim.metadata;
    if (finalizers.includes(FINALIZER.resourceClaim)) return claim;
    const metadata = { ...claim.metadata, finalizers: [...finalizers, FINALIZER.resourceClaim] };
    return this.#deps.client.update(resourceclaims, { ...claim, metadata });
  }

  #run(what: string, { namespace, name }: ResourceClaim['metadata'], request: Promise<unknown>, ofOwner?: string): void {
    const running: Promise<void> = request
      .then(
        () => {},
        (error: unknown) => {
          if (!isStatusError(error) && !(error instanceof ConnectionError)) throw error;
          this.#deps.logger.error(what, { resourceclaim: `${namespace}/${name}`, error });
        },
      )
      .finally(() => this.#underWay.delete(running));
    this.#underWay.set(running, ofOwner);
  }
}

/** Somebody else was faster. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';
}

/** A write was refused, or had no answer; `cause` says which. */
export class ClaimUnwritten extends Error {
  override readonly name = 'ClaimUnwritten';
}
