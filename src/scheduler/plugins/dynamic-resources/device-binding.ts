// What was decided for a pod until it is bound: allocations are written down, and devices made ready, before it is. Source:
// dynamicresources.go Reserve, Unreserve, PreBind, bindClaim.
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { AllocationResult, ResourceClaim } from '#api/gen/resource-v1.ts';
import type { Pod } from '#api/types.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Placement } from '../../framework/plugin.ts';
import { allocationResult } from './allocation-result.ts';
import { bindingDeadline, hasBindingConditions, readinessOf } from './binding-conditions.ts';
import type { ClaimTracker } from './claim-tracker.ts';
import type { ClaimWriter } from './claim-writer.ts';
import type { NodeAnswer } from './device-search.ts';
import type { ExtendedClaim } from './extended-resources.ts';
import { isReservedFor } from './pod-claims.ts';

export interface DeviceBindingDeps {
  readonly claims: ClaimTracker;
  readonly writer: ClaimWriter;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly metrics: Metrics;
  /** An event about a pod, of type Normal. */
  readonly event: (pod: Pod, reason: string, message: string) => void;
}

interface Decision {
  /** Those that the pod names. */
  readonly claims: readonly ResourceClaim[];
  /** By the uid of a claim that was not allocated before. */
  readonly allocations: ReadonlyMap<string, AllocationResult>;
  readonly extended: ExtendedClaim | undefined;
  /** The claim for extended resources, once it is made. */
  made: ResourceClaim | undefined;
}

/** How long a claim that was made here counts before it is seen. Source: AssumeExtendedResourceTimeoutDefaultSeconds. */
const UNSEEN_MS = 120_000;

export class DeviceBinding {
  readonly #deps: DeviceBindingDeps;
  readonly #timeoutMs: number;
  readonly #decisions = new Map<string, Decision>();

  constructor(deps: DeviceBindingDeps, bindingTimeoutMs: number) {
    this.#deps = deps;
    this.#timeoutMs = bindingTimeoutMs;
  }

  reserve({ pod, node }: Placement, claims: readonly ResourceClaim[], found: Extract<NodeAnswer, { kind: 'found' }>): void {
    const { claims: tracker, clock, ids } = this.#deps;
    const allocations = new Map<string, AllocationResult>();
    found.claims.forEach((claim, i) => {
      const allocation = allocationResult(claim, found.allocation[i] ?? [], { now: clock.now(), uuid: () => ids.uuid(), node });
      allocations.set(claim.metadata.uid, allocation);
      tracker.assume({ ...claim, status: { ...claim.status, allocation } }, 'pending');
    });
    this.#decisions.set(pod.metadata.uid, { claims, allocations, extended: found.extended, made: undefined });
  }

  has(pod: Pod): boolean {
    return this.#decisions.has(pod.metadata.uid);
  }

  forget(pod: Pod): void {
    this.#decisions.delete(pod.metadata.uid);
  }

  unreserve(pod: Pod): void {
    const { claims: tracker, writer } = this.#deps;
    const decision = this.#decisions.get(pod.metadata.uid);
    if (decision === undefined) return;
    this.#decisions.delete(pod.metadata.uid);
    for (const { metadata } of decision.claims) {
      if (decision.allocations.has(metadata.uid) && tracker.isPending(metadata.uid)) tracker.forget(metadata.uid);
      const claim = tracker.claim(metadata.namespace, metadata.name);
      if (claim?.metadata.uid === metadata.uid && isReservedFor(claim, pod)) writer.release(claim, pod);
    }
    if (decision.extended === undefined) return;
    tracker.forget(decision.extended.claim.metadata.uid);
    if (decision.made !== undefined) this.#takeBack(decision.made);
  }

  /** @throws Error, which is told as the failure of the plugin; unreserve takes back what was assumed. */
  async preBind({ pod, node }: Placement, signal: AbortSignal): Promise<void> {
    const decision = this.#decisions.get(pod.metadata.uid);
    if (decision === undefined) return;
    const written: ResourceClaim[] = [];
    for (const claim of decision.claims) written.push(isReservedFor(claim, pod) ? claim : await this.#write(claim, pod, decision));
    if (decision.extended !== undefined) written.push(await this.#make(decision.extended, pod, decision, signal));
    if (!written.some(hasBindingConditions)) return;
    this.#deps.event(pod, 'BindingConditionsPending', `waiting for binding conditions for device on node ${node}`);
    await this.#measured(written, pod, () => this.#untilReady(written, signal));
  }

  async #write(claim: ResourceClaim, pod: Pod, { allocations }: Decision): Promise<ResourceClaim> {
    const { claims: tracker, writer } = this.#deps;
    const allocation = allocations.get(claim.metadata.uid);
    const written = await writer.reserve(claim, pod, allocation);
    if (allocation !== undefined) tracker.assume(written, 'written');
    return written;
  }

  async #make({ claim, mappings }: ExtendedClaim, pod: Pod, decision: Decision, signal: AbortSignal): Promise<ResourceClaim> {
    const { claims: tracker, writer, clock } = this.#deps;
    decision.made = await writer.make(claim, signal);
    const written = await writer.reserve(decision.made, pod, decision.allocations.get(claim.metadata.uid));
    decision.made = written;
    const { uid } = written.metadata;
    tracker.assumeMade(written);
    tracker.forget(claim.metadata.uid);
    // It may have come and gone without being seen.
    if (tracker.isUnseen(uid)) clock.after(UNSEEN_MS, () => void (tracker.isUnseen(uid) && tracker.forget(uid)));
    await writer.tellPod(pod, { requestMappings: mappings, resourceClaimName: written.metadata.name });
    return written;
  }

  #takeBack(made: ResourceClaim): void {
    this.#deps.claims.forget(made.metadata.uid);
    this.#deps.writer.remove(made);
  }

  /** Resolves when all devices are ready. @throws Error when one will not be, or not in time */
  #untilReady(claims: readonly ResourceClaim[], signal: AbortSignal): Promise<void> {
    const { claims: tracker, clock } = this.#deps;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      try {
        if (claims.every((claim) => this.#isReady(claim))) resolve();
      } catch (error) {
        reject(error as Error);
      }
    };
    const stop = (): void => reject(signal.reason as Error);
    const timers: CancelTimer[] = [clock.after(this.#timeoutMs, () => reject(new Error('device binding timeout')))];
    for (const claim of claims) {
      const deadline = bindingDeadline(claim, this.#timeoutMs);
      if (deadline !== undefined) timers.push(clock.after(Math.max(0, deadline - clock.now()) + 1, look));
    }
    const unlisten = tracker.listen(look);
    signal.addEventListener('abort', stop, { once: true });
    // It may have been told while the writes were under way.
    if (signal.aborted) stop();
    look();
    return promise.finally(() => {
      unlisten();
      signal.removeEventListener('abort', stop);
      for (const cancel of timers) cancel();
    });
  }

  /** @throws Error when waiting is of no use */
  #isReady({ metadata }: ResourceClaim): boolean {
    const { claims: tracker, clock } = this.#deps;
    const claim = tracker.claim(metadata.namespace, metadata.name);
    if (claim === undefined) {
      if (tracker.isUnseen(metadata.uid)) return false;
      throw new Error(`resourceclaim.resource.k8s.io "${metadata.name}" not found`);
    }
    const readiness = readinessOf(claim);
    if (readiness.kind === 'failed') throw new Error(readiness.message);
    if (readiness.kind === 'ready') return true;
    if (clock.now() > (bindingDeadline(claim, this.#timeoutMs) ?? Infinity)) throw new Error(`claim ${metadata.name} binding timeout`);
    return false;
  }

  async #measured(claims: readonly ResourceClaim[], pod: Pod, wait: () => Promise<void>): Promise<void> {
    const { clock, metrics } = this.#deps;
    const start = clock.monotonic();
    const drivers = new Set(
      claims
        .flatMap(({ status }) => status?.allocation?.devices.results ?? [])
        .flatMap((result) => ((result.bindingConditions ?? []).length > 0 ? result.driver : [])),
    );
    const tell = (status: 'success' | 'failure' | 'timeout'): void => {
      for (const driver of drivers) {
        const labels = { profile: pod.spec.schedulerName, driver, status };
        metrics.count('scheduler_dra_bindingconditions_allocations_total', labels);
        metrics.observe('scheduler_dra_bindingconditions_wait_duration_seconds', labels, (clock.monotonic() - start) / 1000);
      }
    };
    try {
      await wait();
      tell('success');
    } catch (error) {
      tell(error instanceof Error && error.message.endsWith('binding timeout') ? 'timeout' : 'failure');
      throw error;
    }
  }
}
