// pure
// How many seats a request takes, and for how long after its end. Source: apiserver pkg/util/flowcontrol/request.
import type { Query, RequestInfo } from '../request.ts';
import { isTrue } from '../stages/request-info.ts';

export interface Work {
  readonly seats: number;
  /** Kept for `afterMs` once the answer is given, while watchers are told. */
  readonly finalSeats: number;
  readonly afterMs: number;
}

/** What is stored and watched of a resource. */
export interface Load {
  readonly objects: number;
  readonly averageBytes: number;
  readonly watchers: number;
}

const ONE: Work = { seats: 1, finalSeats: 0, afterMs: 0 };
/** Source: bytesPerSeat, cacheWithStreamingMaxMemoryUsage. Every list here comes from the cache and is streamed. */
const BYTES_A_SEAT = 100_000;
const MAX_BYTES_AT_ONCE = 1_000_000;
/** Source: MaximumListSeatsLimit with SizeBasedListCostEstimate, MaximumMutatingSeatsLimit. */
const MAX_LIST_SEATS = 100;
const MAX_WRITE_SEATS = 10;
/** Source: watchesPerSeat, eventAdditionalDuration. */
const WATCHERS_A_SEAT = 10;
const EVENT_MS = 5;

/** @param widest seats one request of its level may take; 0: no such limit. @param loadOf of `pods`, `deployments.apps` */
export function workOf(info: RequestInfo, query: Query, widest: number, loadOf: () => Load | undefined): Work {
  switch (info.verb) {
    case 'list':
      return info.name === '' ? listed(query, widest, loadOf()) : ONE;
    case 'watch': {
      const version = query.get('resourceVersion') ?? '';
      const initial = isTrue(query.get('sendInitialEvents')) || version === '' || version === '0';
      return initial && info.name === '' ? listed(query, widest, loadOf()) : ONE;
    }
    case 'create':
    case 'update':
    case 'patch':
    case 'delete':
      return info.subresource === 'token' ? ONE : written(widest, loadOf());
    default:
      return ONE;
  }
}

const bounded = (widest: number, most: number): number => (widest === 0 || widest > most ? most : widest);

function listed(query: Query, widest: number, load: Load | undefined): Work {
  if (load === undefined) return ONE;
  const limit = Number(query.get('limit') ?? 0);
  const objects = limit > 0 && limit < load.objects ? limit : load.objects;
  const bytes = Math.min(objects * load.averageBytes, MAX_BYTES_AT_ONCE);
  const seats = Math.max(1, Math.min(bounded(widest, MAX_LIST_SEATS), Math.ceil(bytes / BYTES_A_SEAT)));
  return seats === 1 ? ONE : { seats, finalSeats: 0, afterMs: 0 };
}

function written(widest: number, load: Load | undefined): Work {
  const watchers = load?.watchers ?? 0;
  if (watchers < WATCHERS_A_SEAT) return ONE;
  const seats = Math.ceil(watchers / WATCHERS_A_SEAT);
  const finalSeats = Math.min(seats, bounded(widest, MAX_WRITE_SEATS));
  return { seats: 1, finalSeats, afterMs: (seats * EVENT_MS) / finalSeats };
}
