// A watch on the wire: event after event until either side has enough.
import type { Clock } from '#base/clock.ts';
import type { WatchSeries } from '../metrics/watches.ts';
import type { WatchItem } from '../registry/watch-queue.ts';
import type { WatchPlan } from '../registry/watch.ts';
import { ClientGoneError, type Exchange, type ResponseHeaders } from './exchange.ts';
import { WatchFrames, type FrameForm } from './watch-frames.ts';
import { openSink, type FrameSink } from './watch-sink.ts';

export interface WatchAnswer extends FrameForm {
  readonly watch: WatchPlan;
  readonly headers: ResponseHeaders;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly series: WatchSeries;
}

/** Resolves when the watch is over. */
export async function serveWatch(exchange: Exchange, answer: WatchAnswer): Promise<void> {
  const sink = await openSink(exchange, answer.headers, answer.form.encoding);
  if (sink !== undefined) await pour(answer, sink);
}

function pour(answer: WatchAnswer, sink: FrameSink): Promise<void> {
  return new Promise((resolve) => {
    const watch = answer.watch.open();
    const { queue } = watch;
    const frames = new WatchFrames(answer);
    let blocked = false;
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      if (queue.overflowed) answer.series.terminated();
      watch.close();
      cancelTimeout();
      answer.signal.removeEventListener('abort', end);
      // Who reads too slowly has lost events: what still waits for it is let go of.
      if (blocked && queue.overflowed) sink.abort();
      else sink.end();
      resolve();
    };
    const end = (): void => {
      queue.end();
      pump();
    };
    const pump = (): void => {
      if (over || (blocked && !queue.ended)) return;
      if (blocked) finish();
      else if (!writeAll(sink, frames, queue, answer.series)) {
        blocked = true;
        sink.drained().then(
          () => {
            blocked = false;
            pump();
          },
          (error: unknown) => {
            finish();
            if (!(error instanceof ClientGoneError)) throw error;
          },
        );
      } else if (queue.ended) {
        finish();
      }
    };
    const cancelTimeout = answer.clock.after(answer.watch.timeoutMs, end);
    queue.wake = pump;
    answer.signal.addEventListener('abort', end, { once: true });
    sink.onClose(finish);
    if (answer.signal.aborted) end();
    else pump();
  });
}

/** Writes what there is; false when the connection has enough for now. */
function writeAll(sink: FrameSink, frames: WatchFrames, queue: { take(): WatchItem | undefined }, series: WatchSeries): boolean {
  for (let item = queue.take(); item !== undefined; item = queue.take()) {
    const frame = frames.of(item);
    series.sent(frame.length);
    if (!sink.write(frame)) return false;
  }
  return sink.flush();
}
