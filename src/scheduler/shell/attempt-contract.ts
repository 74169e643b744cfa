// What an attempt to schedule a pod works on.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Pod } from '#api/types.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { Lister } from '#client/informer-contract.ts';
import type { PodPlacer } from '../cycle/place-pod.ts';
import type { Profile } from '../framework/profile.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { FrameworkTimes } from '../metrics/times.ts';
import type { QueuedPod } from '../queue/queued-pod.ts';
import type { SchedulingQueue } from '../queue/scheduling-queue.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { Nominator } from '../state/nominator.ts';
import type { PodInfo } from '../state/pod-info.ts';
import type { Binder } from './binder.ts';
import type { Evictor } from './evictor.ts';
import type { StatusWriter } from './status-writer.ts';

/** A profile and what serves it alone. */
export interface ActiveProfile {
  readonly profile: Profile;
  readonly placer: PodPlacer;
  readonly events: EventRecorder;
}

export interface AttemptDeps {
  readonly profiles: ReadonlyMap<string, ActiveProfile>;
  readonly cluster: ClusterState;
  readonly queue: SchedulingQueue;
  readonly nominator: Nominator;
  readonly pods: Lister<Pod>;
  readonly binder: Binder;
  readonly statuses: StatusWriter;
  readonly evictor: Evictor;
  readonly metrics: Metrics;
  readonly times: FrameworkTimes;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly wake: () => void;
}

export interface Attempt {
  readonly queued: QueuedPod;
  readonly info: PodInfo;
  readonly active: ActiveProfile;
  /** Seconds since it began. */
  readonly elapsed: () => number;
}
