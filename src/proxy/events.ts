// What a proxy tells of itself and of Services, as events.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import { type EventRecorder, QueueingEventRecorder } from '#client/events/event-recorder.ts';

/** The recorder of a proxy's events. */
export function proxyEvents(
  client: Client,
  {
    nodeName,
    ...deps
  }: { readonly nodeName: string; readonly clock: Clock; readonly ids: Ids; readonly logger: Logger; readonly signal: AbortSignal },
): EventRecorder {
  return new QueueingEventRecorder({ client, component: 'kube-proxy', host: nodeName, ...deps });
}

/** Upstream gives the node's name for its uid, too. Source: kube-proxy server.go birthCry. */
export function tellStart(events: EventRecorder, nodeName: string): void {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
  events.event(node, 'Normal', 'Starting', '', { action: 'StartKubeProxy' });
}
