// Events, of either group: one set of objects in two forms. Source: printers.go printEvent.
import type { Event, EventsV1Event } from '#api/types.ts';
import { age } from '../negotiation/table.ts';
import { NAME_COLUMN, printer, text, wide } from './columns.ts';
import type { TablePrinter } from './contract.ts';

/** What both forms say. Times are texts of the API. */
interface Occurrence {
  readonly name: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly object: { readonly kind?: string; readonly name?: string; readonly fieldPath?: string };
  readonly first: string | null | undefined;
  readonly last: string | null | undefined;
  readonly count: number;
  readonly component: string;
  readonly host: string;
}

function eventPrinter<T>(read: (event: T) => Occurrence): TablePrinter<T> {
  return printer<T>([
    text('Last Seen', 'Time since it last happened.', (event, now) => age(read(event).last, now)),
    text('Type', 'Normal or Warning.', (event) => read(event).type),
    text('Reason', 'Why, in one word.', (event) => read(event).reason),
    text('Object', 'What it happened to.', (event) => {
      const { kind = '', name = '' } = read(event).object;
      return name === '' ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`;
    }),
    wide(text('Subobject', 'Which part of the object it is about.', (event) => read(event).object.fieldPath ?? '')),
    wide(
      text('Source', 'Who reported it, and from where.', (event) => {
        const { component, host } = read(event);
        return host === '' ? component : `${component}, ${host}`;
      }),
    ),
    text('Message', 'What happened.', (event) => read(event).message.trim()),
    wide(text('First Seen', 'Time since it first happened.', (event, now) => age(read(event).first, now))),
    wide(text('Count', 'How often it happened.', (event) => read(event).count)),
    { ...NAME_COLUMN, priority: 1, cell: (event) => read(event).name },
  ]);
}

/** Events of the new form have no count of their own until they are a series. */
const times = (series: { readonly count?: number } | undefined, count: number | undefined): number =>
  series === undefined ? count || 1 : (series.count ?? 0);

export const coreEvents: TablePrinter<Event> = eventPrinter<Event>((event) => {
  const first = event.firstTimestamp ?? event.eventTime;
  return {
    name: event.metadata.name,
    type: event.type ?? '',
    reason: event.reason ?? '',
    message: event.message ?? '',
    object: event.involvedObject,
    first,
    last: event.series === undefined ? (event.lastTimestamp ?? first) : event.series.lastObservedTime,
    count: times(event.series, event.count),
    component: event.source.component || event.reportingComponent,
    host: event.source.host || event.reportingInstance,
  };
});

export const newEvents: TablePrinter<EventsV1Event> = eventPrinter<EventsV1Event>((event) => {
  const first = event.deprecatedFirstTimestamp ?? event.eventTime;
  return {
    name: event.metadata.name,
    type: event.type ?? '',
    reason: event.reason ?? '',
    message: event.note ?? '',
    object: event.regarding ?? {},
    first,
    last: event.series === undefined ? (event.deprecatedLastTimestamp ?? first) : event.series.lastObservedTime,
    count: times(event.series, event.deprecatedCount),
    component: event.deprecatedSource?.component || (event.reportingController ?? ''),
    host: event.deprecatedSource?.host || (event.reportingInstance ?? ''),
  };
});
