// Creates and deletes pods of an owner, and tells so in its events. Source: controller_utils.go RealPodControl.
import { isStatusError } from '#apimachinery/errors.ts';
import { pods } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { EventRecorder, EventSubject } from '#client/events/event-recorder.ts';
import { isNamespaceTerminating } from '../serviceaccount/controller.ts';
import { createOnce } from './create-once.ts';
import type { CreationPace, DeletionPace } from './pod-pace.ts';
import { Slots } from './slots.ts';

/**
 * Writes of one controller under way at a time. More would not be done sooner, and everybody else's requests would wait
 * behind them.
 */
const MOST_UNDER_WAY = 32;

export interface PodWriter {
  /** `pod` has a name. @throws as createOnce */
  create(owner: EventSubject, pod: New<Pod>): Promise<void>;
  /** Only this very pod, not another of its name. @throws StatusError NotFound when it is gone */
  delete(owner: EventSubject, pod: Pod): Promise<void>;
}

/** `pace`: of a controller whose owners may ask for any number of pods in the same moment. */
export function podWriter(
  client: Client,
  events: EventRecorder,
  pace?: { readonly creations: CreationPace; readonly deletions: DeletionPace },
): PodWriter {
  const slots = new Slots(MOST_UNDER_WAY);
  return {
    async create(owner, pod) {
      try {
        const create = (): Promise<Pod> => createOnce(client, pods, pod);
        const { metadata } = await (pace?.creations.run(owner.metadata.uid ?? '', create) ?? slots.run(create));
        events.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${metadata.name}`);
      } catch (error) {
        if (isStatusError(error) && !isNamespaceTerminating(error))
          events.event(owner, 'Warning', 'FailedCreate', `Error creating: ${error.message}`);
        throw error;
      }
    },
    async delete(owner, pod) {
      const { metadata } = pod;
      try {
        const remove = (): Promise<unknown> => client.delete(pods, metadata, { preconditions: { uid: metadata.uid } });
        await (pace?.deletions.run(owner.metadata.uid ?? '', pod, remove) ?? slots.run(remove));
        events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${metadata.name}`);
      } catch (error) {
        if (isStatusError(error) && error.reason !== 'NotFound')
          events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`);
        throw error;
      }
    },
  };
}
