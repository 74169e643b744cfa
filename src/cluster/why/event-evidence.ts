// pure
// What events show.
import type { Event } from '#api/types.ts';
import type { Cause, Evidence } from './contract.ts';

/** Why a container waits whose image is not there. Source: pkg/kubelet/images types.go. */
export const IMAGE_REASONS: readonly string[] = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RegistryUnavailable',
  'ImageInspectError',
];

/** What the kubelet tells besides, and is no more than the reason a container waits for. */
const NOTHING_NEW: ReadonlySet<string> = new Set(IMAGE_REASONS.map((reason) => `Error: ${reason}`));

const MOST_EVENTS = 3;

/** Without what tells two events apart that tell of the same: who joined them, ids of containers and execs, a client's port. */
const alike = (text: string): string =>
  text
    .replace(/^\(combined from similar events\): /, '')
    .replaceAll(/\b[0-9a-f]{64}\b/g, '')
    .replaceAll(/:\d+->/g, '->');

/** The last of each text, the latest first. `container`: not those that are of another one. */
export function eventsOf(events: readonly Event[], reasons: readonly string[], container?: string): readonly Evidence[] {
  const found = events
    .filter((event) => container === undefined || isOf(event, container))
    .filter(({ reason = '', message = '' }) => reasons.includes(reason) && !NOTHING_NEW.has(message))
    .map(({ reason = '', message = '', ...event }) => ({ source: `event ${reason}`, text: message, time: timeOf(event) }))
    .toSorted((a, b) => (a.time < b.time ? 1 : -1));
  return found.filter(({ text }, i) => found.findIndex((other) => alike(other.text) === alike(text)) === i).slice(0, MOST_EVENTS);
}

/** Events of containers say so by a path: `spec.containers{web}`. */
function isOf({ involvedObject: { fieldPath = '' } }: Event, container: string): boolean {
  const named = /\{(.*)\}$/.exec(fieldPath)?.[1];
  return named === undefined || named === container;
}

function timeOf({ eventTime, lastTimestamp, firstTimestamp, series, metadata }: Partial<Event>): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata?.creationTimestamp ?? '';
}

export const sinceOf = (since: string | null | undefined): Pick<Cause, 'since'> => (since === undefined || since === null ? {} : { since });

/** The earliest its evidence tells of. */
export function withSince(cause: Cause): Cause {
  const [first] = cause.evidence.flatMap(({ time = '' }) => (time === '' ? [] : [time])).toSorted();
  return first === undefined ? cause : { ...cause, since: first };
}
