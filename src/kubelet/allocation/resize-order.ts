// pure
// Whose turn it is first when room was given back and several pods wait for more.
import { podQos } from '#api/pod-qos.ts';
import type { Pod } from '#api/types.ts';
import { podRequests } from '../pod/resources.ts';
import { withAllocation, type Allocation } from './allocation-plan.ts';

export interface WaitingResize {
  readonly pod: Pod;
  readonly allocation: Allocation | undefined;
}

/**
 * Those that ask for no more than they have, then by priority, then Guaranteed pods; else as they were: who waits longest is first.
 * Source: allocation manager sortPendingResizes.
 */
export function inResizeOrder(waiting: readonly WaitingResize[]): readonly Pod[] {
  const ranks = (each: WaitingResize): readonly number[] => [
    asksForMore(each) ? 1 : 0,
    -(each.pod.spec.priority ?? 0),
    podQos(each.pod) === 'Guaranteed' ? 0 : 1,
  ];
  return waiting
    .map((each) => ({ pod: each.pod, ranks: ranks(each) }))
    .toSorted((a, b) => a.ranks.map((rank, i) => rank - (b.ranks[i] as number)).find((difference) => difference !== 0) ?? 0)
    .map(({ pod }) => pod);
}

function asksForMore({ pod, allocation }: WaitingResize): boolean {
  const [have, want] = [podRequests(withAllocation(pod, allocation).spec), podRequests(pod.spec)];
  return ['cpu', 'memory'].some((name) => (want[name] ?? 0) > (have[name] ?? 0));
}
