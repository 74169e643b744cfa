// The debugging pages of flow control, one row a level, queue or request. Source: apf_controller_debug.go.
import type { Route } from '../routes/contract.ts';
import { text } from '../routes/text.ts';
import type { PriorityAndFairness, Seated } from './priority-and-fairness.ts';

type Row = readonly (string | number | boolean)[];

export function flowControlRoutes(flowControl: PriorityAndFairness): readonly Route[] {
  const page = (name: string, rows: (details: boolean) => readonly Row[]): Route => ({
    path: `/debug/api_priority_and_fairness/${name}`,
    match: 'exact',
    listed: false,
    handle: ({ request }) => text(200, table(rows((request.query.get('includeRequestDetails') ?? '') !== ''))),
  });
  return [
    page('dump_priority_levels', () => levelRows(flowControl)),
    page('dump_queues', () => queueRows(flowControl)),
    page('dump_requests', (details) => requestRows(flowControl, details)),
  ];
}

function levelRows({ levels }: PriorityAndFairness): readonly Row[] {
  const head: Row = [
    'PriorityLevelName',
    'ActiveQueues',
    'IsIdle',
    'IsQuiescing',
    'WaitingRequests',
    'ExecutingRequests',
    'DispatchedRequests',
    'RejectedRequests',
    'TimedoutRequests',
    'CancelledRequests',
  ];
  const rows = [...levels].map(({ name, queues, quiescing }): Row => {
    const { waiting, executing, dispatched, rejected, timedOut, cancelled } = queues.counts;
    const active = queues.queues.filter((queue) => queue.waiting.length > 0).length;
    return [name, active, queues.idle, quiescing, waiting, executing, dispatched, rejected, timedOut, cancelled];
  });
  return [head, ...rows.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))];
}

function queueRows({ levels }: PriorityAndFairness): readonly Row[] {
  const head: Row = ['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR'];
  const rows = [...levels].flatMap(({ name, queues }) =>
    queues.queues.map(({ index, waiting, executing, seatsInUse, nextDispatchR }): Row => [
      name,
      index,
      waiting.length,
      executing,
      seatsInUse,
      `${(nextDispatchR / 1_000).toFixed(8)}ss`,
    ]),
  );
  return [head, ...rows];
}

function requestRows({ levels }: PriorityAndFairness, details: boolean): readonly Row[] {
  const head: Row = [
    'PriorityLevelName',
    'FlowSchemaName',
    'QueueIndex',
    'RequestIndexInQueue',
    'FlowDistingsher',
    'ArriveTime',
    'InitialSeats',
    'FinalSeats',
    'AdditionalLatency',
  ];
  const more: Row = ['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource'];
  const rows = [...levels].flatMap(({ name, queues }) =>
    queues.queues.flatMap(({ index, waiting }) =>
      (waiting as readonly Seated[]).map(({ schema, flow, context, work }, at): Row => {
        const { user, info } = context;
        const arrived = new Date(context.receivedAt).toISOString();
        const row: Row = [name, schema, index, at, flow, arrived, work.seats, work.finalSeats, `${work.afterMs}ms`];
        const version = info.group === '' ? info.version : `${info.group}/${info.version}`;
        return details
          ? [...row, user.name, info.verb, info.path, info.namespace, info.name, version, info.resource, info.subresource]
          : row;
      }),
    ),
  );
  return [details ? [...head, ...more] : head, ...rows];
}

/** Columns lined up, with a comma after all but the last, as Go's tabwriter prints them. */
function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? String(cell) : `${cell},`)));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(7, ...cells.map((row) => (row[i] ?? '').length)) + 1);
  return cells
    .map((row) => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] as number))).join('')}\n`)
    .join('');
}
