// What decides in a cluster: the controllers and the scheduler. Of several copies the one that holds the Lease works.
import type { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { UserInfo } from '#apiserver/authentication/contract.ts';
import { createClient } from '#client/client.ts';
import type { Transport } from '#client/contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { fenced } from '#client/leader-election/fence.ts';
import { type ElectionEnd, type ElectionTimes, LeaderElector } from '#client/leader-election/leader-elector.ts';
import type { LeaderMetrics } from '#client/leader-election/leader-metrics.ts';
import type { QueueMetrics } from '#client/workqueue/queue-metrics.ts';
import type { ControllerMetrics } from '#controllers/metrics/metrics.ts';
import { runControllers } from '#controllers/controllers.ts';
import { type ControllerConfig, runController } from '#controllers/runtime/controller.ts';
import { QueueingEventRecorder } from '#client/events/event-recorder.ts';
import type { SchedulerMetrics } from '#scheduler/metrics/metrics.ts';
import { createScheduler } from '#scheduler/scheduler.ts';
import { nodeRequestsApprover } from '../join/node-requests.ts';
import { keepRunning } from './keep-running.ts';
import { aborted } from './process.ts';
import { type Family, familyOf, listOf } from '../settings/networks.ts';
import { serviceAccountUser, USERS } from './users.ts';

/** Prefix length of one node's pod network. Source: --node-cidr-mask-size-ipv4, -ipv6. */
const NODE_MASK_SIZE: Readonly<Record<Family, number>> = { IPv4: 24, IPv6: 64 };

/** Networks of pods, and how much of each one node gets unless it is said. */
export const clusterCIDRs = (podCIDR: string, sizes: Partial<Record<Family, number>> = {}): ControllerConfig['clusterCIDRs'] =>
  listOf(podCIDR).map((cidr) => ({ cidr, nodeMaskSize: sizes[familyOf(cidr)] ?? NODE_MASK_SIZE[familyOf(cidr)] }));

/** What is not given is as upstream has it by default. */
export interface Election {
  readonly times?: ElectionTimes;
  /** Of the Lease; that of the component, in kube-system, when absent. */
  readonly name?: string;
  readonly namespace?: string;
  /** Told of the one who decides whether this copy works. */
  readonly started?: (elector: LeaderElector) => void;
  readonly metrics?: LeaderMetrics;
}

export interface DeciderDeps {
  /** The API, as this user. */
  transport(user: UserInfo): Transport;
  /** In Leases; unique to this copy. A copy that comes back under the same name leads on at once. */
  readonly identity: string;
  /** Absent for a copy that knows it is the only one. */
  readonly election?: Election;
  readonly gates: FeatureGates;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export type ManagerDeps = DeciderDeps & {
  readonly queues: QueueMetrics;
  readonly metrics: ControllerMetrics;
  /** As `--controllers` says it; absent: all. */
  readonly selection?: readonly string[];
};

/** Runs the controllers while this copy leads, until the signal aborts or the lead is lost. */
export function runControllerManager(config: ControllerConfig, deps: ManagerDeps): Promise<void> {
  const own = deps.logger.with({ component: 'controller-manager' });
  const { clock, ids, gates, queues, metrics, selection } = deps;
  const which = selection === undefined ? {} : { selection };
  return leading('kube-controller-manager', USERS.controllerManager, deps, async (signal, transport) => {
    const informers = createInformerFactory({
      client: createClient(transport(USERS.controllerManager)),
      logger: own,
      clock,
      ids,
      managedFields: false,
    });
    // Controllers act as accounts of their own, but for the one that hands out their tokens.
    const clientFor = (name: string) =>
      createClient(transport(name === 'kube-controller-manager' ? USERS.controllerManager : serviceAccountUser(name)));
    const running = runControllers({ clientFor, informers, clock, ids, logger: own, config, gates, queues, metrics, ...which, signal });
    const client = clientFor(nodeRequestsApprover.serviceAccount);
    const events = new QueueingEventRecorder({ client, component: nodeRequestsApprover.name, clock, ids, logger: own, signal });
    const approver = runController(nodeRequestsApprover, { client, informers, events, clock, ids, logger: own, config, queues, signal });
    informers.start(signal);
    await Promise.all([running, approver]);
  });
}

/** As runControllerManager. `config` is a KubeSchedulerConfiguration as decoded. @throws ConfigurationError */
export function runScheduler(config: unknown, metrics: SchedulerMetrics, deps: DeciderDeps): Promise<void> {
  const own = deps.logger.with({ component: 'scheduler' });
  const { clock, ids, gates } = deps;
  return leading('kube-scheduler', USERS.scheduler, deps, async (signal, transport) => {
    const client = createClient(transport(USERS.scheduler));
    const informers = createInformerFactory({ client, logger: own, clock, ids, managedFields: false });
    const scheduler = createScheduler({
      client,
      informers,
      clock,
      ids,
      logger: own,
      metrics,
      gates,
      ...(config === undefined ? {} : { config }),
    });
    informers.start(signal);
    try {
      await scheduler.start();
      await Promise.race([aborted(signal), scheduler.broken]);
    } finally {
      await scheduler.stop();
    }
  });
}

/**
 * A lost lead is sought again, and one whose work broke after a pause: what worked is gone by then, and starts anew. `work` gets the API, which answers it no longer
 * once the lead is lost, whatever of it is still under way.
 */
async function leading(
  component: string,
  user: UserInfo,
  { transport, identity, election, clock, ids, logger, signal }: DeciderDeps,
  work: (signal: AbortSignal, transport: DeciderDeps['transport']) => Promise<void>,
): Promise<void> {
  const own = logger.with({ component });
  if (election === undefined) return work(signal, transport);
  const client = createClient(transport(user));
  const { name = component, namespace = 'kube-system', times, metrics, started } = election;
  const lease = { namespace, name, ...(times === undefined ? {} : { times }), ...(metrics === undefined ? {} : { metrics }) };
  const lead = async (): Promise<void> => {
    for (let end: ElectionEnd = 'lost'; end === 'lost';) {
      const elector = new LeaderElector({ client, ...lease, identity, clock, ids, logger: own });
      started?.(elector);
      end = await elector.run((led) => {
        const lost = new AbortController();
        led.addEventListener('abort', () => signal.aborted || lost.abort(led.reason), { once: true });
        return work(led, (of) => fenced(transport(of), lost.signal));
      }, signal);
    }
  };
  await keepRunning(lead, { clock, logger: own, signal });
}
