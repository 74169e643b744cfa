// Events about pods, containers and the node, with upstream's reasons.
import type { Pod } from '#api/types.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import { containerFieldPath } from '../pod/containers.ts';

export type EventType = 'Normal' | 'Warning';

export interface KubeletEvents {
  pod(pod: Pod, type: EventType, reason: string, message: string, annotations?: Readonly<Record<string, string>>): void;
  container(pod: Pod, containerName: string, type: EventType, reason: string, message: string): void;
  node(type: EventType, reason: string, message: string): void;
}

export function kubeletEvents(recorder: EventRecorder, nodeName: string): KubeletEvents {
  return {
    pod: (pod, type, reason, message, annotations) =>
      recorder.event(pod, type, reason, message, annotations === undefined ? {} : { annotations }),
    container(pod, name, type, reason, message) {
      const fieldPath = containerFieldPath(pod, name);
      recorder.event(pod, type, reason, message, fieldPath === '' ? {} : { fieldPath });
    },
    // Upstream gives the node's name for its uid, too, and readers look for that.
    node: (type, reason, message) =>
      recorder.event({ apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } }, type, reason, message),
  };
}
