// Times what is done about events, and the hints that are asked for. Source: pkg/scheduler eventhandlers.go, backend/queue
// isPodWorthRequeuing.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { ClusterEvent } from '../framework/cluster-event.ts';
import type { AskHint } from '../queue/requeue-plan.ts';
import type { Metrics } from './metrics.ts';

export interface EventTimesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Gives what `work` gives, which takes in `event`. */
export type TimeEvent = (event: ClusterEvent, work: () => void) => void;

export const timeEvents =
  ({ clock, metrics }: EventTimesOptions): TimeEvent =>
  (event, work) => {
    const start = clock.monotonic();
    work();
    metrics.observe('scheduler_event_handling_duration_seconds', { event: event.label }, (clock.monotonic() - start) / 1000);
  };

const LABEL = { queue: 'Queue', skip: 'QueueSkip' } as const;

/** A hint that fails says nothing against another attempt. */
export const timeHints =
  ({ clock, logger, metrics }: EventTimesOptions): AskHint =>
  (plugin, event, ask) => {
    const start = clock.monotonic();
    const observe = (hint: string): void =>
      metrics.observe(
        'scheduler_queueing_hint_execution_duration_seconds',
        { plugin, event: event.label, hint },
        (clock.monotonic() - start) / 1000,
      );
    try {
      const answer = ask();
      observe(LABEL[answer]);
      return answer;
    } catch (error) {
      observe('Error');
      logger.error('QueueingHintFn returns error', { plugin, event: event.label, error });
      return 'queue';
    }
  };
