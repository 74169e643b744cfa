// pure
// Reading times of API objects.
import { parseTime } from '#apimachinery/time.ts';

/** Milliseconds since the epoch; undefined for an absent time. The API server lets no malformed one through. */
export function timeOf(time: string | null | undefined): number | undefined {
  return time === undefined || time === null ? undefined : parseTime(time);
}
