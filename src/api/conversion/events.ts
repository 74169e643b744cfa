// Events of events.k8s.io/v1 are events of the core group under other names.
// Source: pkg/apis/events/v1 Convert_v1_Event_To_core_Event and its inverse.
import type { Event as CoreEvent } from '../gen/core-v1.ts';
import type { Event } from '../gen/events-v1.ts';
import type { Conversion } from './contract.ts';

export const events: Conversion = {
  toServed(object) {
    const {
      apiVersion: _,
      involvedObject,
      message,
      source,
      firstTimestamp,
      lastTimestamp,
      count,
      reportingComponent,
      ...rest
    } = object as unknown as CoreEvent;
    return {
      ...rest,
      apiVersion: 'events.k8s.io/v1',
      reportingController: reportingComponent,
      regarding: involvedObject,
      note: message,
      deprecatedSource: source,
      deprecatedFirstTimestamp: firstTimestamp,
      deprecatedLastTimestamp: lastTimestamp,
      deprecatedCount: count,
    };
  },
  toStored(object) {
    const {
      apiVersion: _,
      regarding,
      note,
      deprecatedSource,
      deprecatedFirstTimestamp,
      deprecatedLastTimestamp,
      deprecatedCount,
      reportingController,
      ...rest
    } = object as unknown as Event;
    return {
      ...rest,
      apiVersion: 'v1',
      involvedObject: regarding ?? {},
      message: note,
      source: deprecatedSource,
      firstTimestamp: deprecatedFirstTimestamp,
      lastTimestamp: deprecatedLastTimestamp,
      count: deprecatedCount,
      reportingComponent: reportingController,
    };
  },
};
