// Gathers what is known of a pod, as the one who asks may read it, and answers why it is not ready.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { events, nodes, pods } from '#api/resources.ts';
import type { Event, Node, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { explainPod } from '#scheduler/explain/explain-pod.ts';
import type { PlacementExplanation } from '#scheduler/explain/explain-placement.ts';
import { claimsRead } from './claims-read.ts';
import type { Cause, Explanation, PrecedingChange } from './contract.ts';
import { diagnose } from './diagnose.ts';
import { goingRead } from './going-read.ts';
import { knownNames } from './known-names.ts';
import { nodeChange, nodeInTheWay } from './node-change.ts';
import { objectsRead } from './objects-read.ts';
import { precedingChange } from './preceding-change.ts';
import { insteadOf, missingBy, remediesFor } from './remedies.ts';
import { revisionsOf, revisionsOfOwner } from './revisions.ts';

export interface WhyDeps {
  /** The scheduler's KubeSchedulerConfiguration as decoded; absent: upstream's defaults. */
  readonly schedulerConfig?: unknown;
  /** With the rights of the one who asks. */
  readonly client: Client;
  /** The last lines of a container; '' when there are none, or they may not be read. */
  readonly log: (pod: Pod, node: Node, container: string, run: 'this' | 'previous') => Promise<string>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** @throws StatusError NotFound when there is neither the pod nor word of why it was not made; Forbidden */
export async function explain(namespace: string, name: string, deps: WhyDeps): Promise<Explanation> {
  const { client } = deps;
  const pod = await orAbsent(client.get(pods, { namespace, name }));
  if (pod === undefined) return neverMade(namespace, name, deps);
  const { items } = await client.list(events, { namespace, fieldSelector: `involvedObject.uid=${pod.metadata.uid}` });
  const { nodeName = '' } = pod.spec;
  const node = nodeName === '' ? undefined : await orAbsent(client.get(nodes, { name: nodeName }));
  const logs = node === undefined ? new Map<string, string>() : await lastLogs(pod, node, deps);
  const [claims, going] = nodeName === '' ? await Promise.all([claimsRead(pod, client), goingRead(pod, client)]) : [[], []];
  const cause = diagnose({ pod, events: items, node, logs, claims, going });
  const head = { kind: 'PodExplanation', namespace, pod: name, cause } as const;
  if (cause.kind === 'none') return head;
  const [revisions, read, placement] = await Promise.all([
    revisionsOf(pod, client),
    objectsRead(pod, client),
    cause.kind === 'scheduling' ? explainPod(pod, { ...deps, config: deps.schedulerConfig }) : undefined,
  ]);
  const since = cause.since === undefined ? {} : { since: cause.since };
  const ofTemplate = precedingChange({ kind: cause.kind, revisions, read, created: pod.metadata.creationTimestamp ?? '', ...since });
  const precededBy = ofTemplate ?? (placement === undefined ? undefined : await changeOfNode(placement, cause, client));
  const remedies = await remediesOf(cause, { pod, namespace, node, client });
  return {
    ...head,
    ...(placement === undefined ? {} : { placement }),
    ...(precededBy === undefined ? {} : { precededBy }),
    ...(remedies.length === 0 ? {} : { remedies }),
  };
}

/** What was done after it began is not why. */
async function changeOfNode(placement: PlacementExplanation, { since }: Cause, client: Client): Promise<PrecedingChange | undefined> {
  const name = nodeInTheWay(placement);
  const node = name === undefined ? undefined : await orAbsent(client.get(nodes, { name }));
  const change = node === undefined ? undefined : nodeChange(node, placement.smallest?.plugin ?? '');
  return change !== undefined && since !== undefined && change.time > since ? undefined : change;
}

interface Around {
  readonly pod: Pod | undefined;
  readonly namespace: string;
  readonly node: Node | undefined;
  readonly client: Client;
}

async function remediesOf(cause: Cause, { pod, namespace, node, client }: Around): Promise<readonly string[]> {
  const missing = missingBy(cause, pod);
  const instead = missing === undefined ? [] : insteadOf(missing, await knownNames(missing, namespace, node, client));
  return [...instead, ...remediesFor(cause, pod)];
}

/** Its controller says why it could not make it: the name is that of a pod to be, of the controller, or of its owner. */
async function neverMade(namespace: string, name: string, { client }: WhyDeps): Promise<Explanation> {
  const { items } = await client.list(events, { namespace, fieldSelector: 'reason=FailedCreate' });
  const about = items
    .filter(
      ({ involvedObject: { name: owner = '' } }) =>
        owner !== '' && (name === owner || name.startsWith(`${owner}-`) || owner.startsWith(`${name}-`)),
    )
    .toSorted((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1));
  const [latest] = about;
  // As the API server words it.
  if (latest === undefined)
    return { kind: 'PodExplanation', namespace, pod: name, cause: absent(await client.get(pods, { namespace, name })) };
  const { kind = '', name: owner = '' } = latest.involvedObject;
  const cause: Cause = {
    kind: 'refused',
    summary: `${kind} ${owner} may not make the pod`,
    evidence: about
      .filter((event, i) => about.findIndex((other) => withoutPod(other) === withoutPod(event)) === i)
      .slice(0, 3)
      .map((event) => ({ source: `event FailedCreate of ${kind} ${owner}`, text: event.message ?? '', time: timeOf(event) })),
    since: about.map(({ firstTimestamp, metadata }) => firstTimestamp ?? metadata.creationTimestamp ?? '').toSorted()[0] ?? '',
  };
  const revisions = await revisionsOfOwner(namespace, latest.involvedObject.uid ?? '', client);
  const precededBy = precedingChange({ kind: 'refused', revisions, read: [], created: '', since: cause.since ?? '' });
  const remedies = await remediesOf(cause, { pod: undefined, namespace, node: undefined, client });
  return {
    kind: 'PodExplanation',
    namespace,
    pod: name,
    cause,
    ...(precededBy === undefined ? {} : { precededBy }),
    ...(remedies.length === 0 ? {} : { remedies }),
  };
}

/** Each attempt has a name of its own for the pod. */
const withoutPod = ({ message = '' }: Event): string =>
  message.replace(/^\(combined from similar events\): /, '').replace(/pods "[^"]*"/, 'pods');

/** It came meanwhile. */
const absent = ({ metadata }: Pod): Cause => ({ kind: 'starting', summary: `pod ${metadata.name} has just been made`, evidence: [] });

async function lastLogs(pod: Pod, node: Node, { log }: WhyDeps): Promise<ReadonlyMap<string, string>> {
  const statuses = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
  const ended = statuses.filter(({ state, lastState }) => state?.terminated !== undefined || lastState?.terminated !== undefined);
  const texts = ended.map(
    async ({ name, state }) => [name, await log(pod, node, name, state?.terminated === undefined ? 'previous' : 'this')] as const,
  );
  return new Map(await Promise.all(texts));
}

const timeOf = ({ series, lastTimestamp, eventTime, metadata }: Event): string =>
  series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';

async function orAbsent<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}
