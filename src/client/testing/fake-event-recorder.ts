// A test double: keeps events instead of sending them.
import type { EventRecorder } from '../events/event-recorder.ts';

export interface FakeEventRecorder extends EventRecorder {
  /** Each as `TYPE REASON MESSAGE`, oldest first. */
  readonly events: string[];
}

export function fakeEventRecorder(): FakeEventRecorder {
  const events: string[] = [];
  return { events, event: (_subject, type, reason, message) => void events.push(`${type} ${reason} ${message}`) };
}
