// Admits pods by whether all their resources can lie where they belong together. Source: topologymanager topology_manager.go, scope*.go.
import type { Clock } from '#base/clock.ts';
import type { Pod } from '#api/types.ts';
import type { Refusal } from '../admission/admission-plan.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { AnyContainer } from '../pod/containers.ts';
import { mergeHints, type Merged, type NumaInfo, type ProviderHints, type TopologyHint, type TopologyPolicy } from './topology-policies.ts';

/** Who gives out resources that lie somewhere. */
export interface HintProvider {
  hints(pod: Pod, container: AnyContainer): ProviderHints;
  podHints(pod: Pod): ProviderHints;
  /** Safe to repeat. @throws Error when they cannot be had */
  allocate(pod: Pod, container: AnyContainer, hint: TopologyHint): void;
}

/** The settings do not go together, or not with this machine. */
export class TopologyConfigError extends Error {
  override readonly name = 'TopologyConfigError';
}

export interface TopologySettings {
  readonly policy: TopologyPolicy;
  readonly scope: 'container' | 'pod';
  readonly preferClosest: boolean;
}

/** Source: maxAllowableNUMANodes. */
const MOST_NODES = 8;

/** @throws TopologyConfigError. Source: topologymanager NewManager, policy_options.go */
export function topologySettings(
  {
    topologyManagerPolicy: policy,
    topologyManagerScope: scope,
    topologyManagerPolicyOptions: options,
  }: {
    readonly topologyManagerPolicy: string;
    readonly topologyManagerScope: string;
    readonly topologyManagerPolicyOptions: Readonly<Record<string, string>>;
  },
  numaNodes: number,
): TopologySettings {
  let most = MOST_NODES;
  let preferClosest = false;
  for (const [name, value] of Object.entries(options)) {
    if (name === 'prefer-closest-numa-nodes') preferClosest = value === 'true';
    else if (name === 'max-allowable-numa-nodes') most = Number(value);
    else throw new TopologyConfigError(`unknown Topology Manager Policy option: "${name}"`);
    if (name === 'max-allowable-numa-nodes' && !(Number.isInteger(most) && most >= MOST_NODES))
      throw new TopologyConfigError(`the minimum value of "max-allowable-numa-nodes" should not be less than ${MOST_NODES}`);
  }
  if (policy !== 'none' && numaNodes > most) throw new TopologyConfigError(`unsupported on machines with more than ${most} NUMA Nodes`);
  return { policy: policy as TopologyPolicy, scope: scope === 'pod' ? 'pod' : 'container', preferClosest };
}

export interface TopologyManagerDeps {
  readonly settings: TopologySettings;
  readonly numa: NumaInfo;
  /** In the order in which they give. */
  readonly providers: readonly HintProvider[];
  readonly metrics: KubeletMetrics;
  readonly clock: Clock;
}

const MISALIGNED: Refusal = { reason: 'TopologyAffinityError', message: 'Resources cannot be allocated with Topology locality' };

export class TopologyManager {
  readonly #deps: TopologyManagerDeps;

  constructor(deps: TopologyManagerDeps) {
    this.#deps = deps;
  }

  /** Gives the pod's containers what they ask for, one by one. Why not, when that cannot be: what was given is to be taken back then. */
  admit(pod: Pod): Refusal | undefined {
    const { metrics, clock } = this.#deps;
    metrics.topologyAdmissionRequests.of().add();
    const began = clock.monotonic();
    const refusal = this.#admit(pod);
    metrics.topologyAdmissionDuration.of().observe(clock.monotonic() - began);
    if (refusal !== undefined) metrics.topologyAdmissionErrors.of().add();
    return refusal;
  }

  #admit(pod: Pod): Refusal | undefined {
    const { settings, providers, metrics } = this.#deps;
    const guaranteed = settings.policy === 'restricted' || settings.policy === 'single-numa-node';
    const told = (aligned: boolean): void => {
      if (!guaranteed) return;
      const family = aligned ? metrics.alignedResources : metrics.alignedResourcesFailures;
      family.of(settings.scope, 'numa_node').add();
    };
    const whole = settings.scope === 'pod' ? this.#merged(providers.map((each) => each.podHints(pod))) : undefined;
    const misaligned = (): Refusal => {
      told(false);
      return MISALIGNED;
    };
    if (whole?.admit === false) return misaligned();
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      const { hint, admit } = whole ?? this.#merged(providers.map((each) => each.hints(pod, container)));
      if (!admit) return misaligned();
      try {
        for (const provider of providers) provider.allocate(pod, container, hint);
      } catch (error) {
        return refusalOf(error);
      }
      if (whole === undefined) told(true);
    }
    if (whole !== undefined) told(true);
    return undefined;
  }

  #merged(hints: readonly ProviderHints[]): Merged {
    const { settings, numa } = this.#deps;
    return mergeHints(settings.policy, hints, numa, settings);
  }
}

/** Source: admission GetPodAdmitResult. */
function refusalOf(error: unknown): Refusal {
  if (!(error instanceof Error) || !EXPECTED.has(error.name)) throw error;
  if (error.name === 'SMTAlignmentError') return { reason: error.name, message: error.message };
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${error.message}, which is unexpected` };
}

/** What providers fail with when they have not enough. */
const EXPECTED: ReadonlySet<string> = new Set(['SMTAlignmentError', 'CpuAssignmentError', 'MemoryError']);
