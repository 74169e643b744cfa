// Changes the number of replicas of anything with a scale, by what its pods use. Source: pkg/controller/podautoscaler.
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { SelectorError } from '#apimachinery/label-requirement.ts';
import { type LabelSelector, parseLabelSelector } from '#apimachinery/labels.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { horizontalpodautoscalers, pods } from '#api/resources.ts';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus, KubeObject, New, Pod, Scale } from '#api/types.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { type History, NO_HISTORY, scaled } from './limits.ts';
import { readMetrics } from './metrics-client.ts';
import {
  byCount,
  isDisabled,
  type Notice,
  type Observed,
  planScale,
  type Refusal,
  rescaled,
  type ScalePlan,
  said,
  withGeneration,
} from './plan.ts';
import { ResourceMapper, UnknownKindError } from './resource-mapper.ts';

const BY_NAMESPACE = 'autoscaler-namespace';

export const horizontalPodAutoscaler: Controller = {
  name: 'horizontal-pod-autoscaler-controller',
  serviceAccount: 'horizontal-pod-autoscaler',
  reads: [horizontalpodautoscalers, pods],
  writes: ['*/scale', 'horizontalpodautoscalers/status', 'events'],
  workers: 5, // Source: --concurrent-horizontal-pod-autoscaler-syncs
  setUp(context) {
    const { informers, queue, tuning } = context;
    const informer = informers.informer(horizontalpodautoscalers);
    const autoscaler = new Autoscaler(context);
    informer.addIndex(BY_NAMESPACE, ({ metadata }) => [metadata.namespace]);
    informer.addHandlers({
      added(hpa) {
        autoscaler.came();
        queue.add(keyOf(hpa));
      },
      // What the controller itself wrote is no reason to look again at once.
      updated: (hpa, before) => void (hpa.metadata.generation !== before.metadata.generation && queue.add(keyOf(hpa))),
      deleted: (hpa) => autoscaler.left(hpa),
    });
    return async (key) => {
      const hpa = informer.byKey(key);
      if (hpa === undefined) return autoscaler.forget(key);
      await autoscaler.reconcile(key, hpa);
      return { afterMs: tuning.autoscaling.syncMs };
    };
  },
};

const actionOf = (before: number, now: number): string => (now > before ? 'scale_up' : now < before ? 'scale_down' : 'none');

/** The scale of a target cannot be had. */
class TargetError extends Error {
  override readonly name = 'TargetError';
}

interface Target {
  readonly resource: Resource<KubeObject>;
  readonly scale: Scale;
  readonly specReplicas: number;
}

class Autoscaler {
  readonly #context: ControllerContext;
  readonly #mapper: ResourceMapper;
  readonly #histories = new Map<string, History>();
  readonly #selectors = new Map<string, LabelSelector>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#mapper = new ResourceMapper(context.client);
  }

  forget(key: string): void {
    this.#histories.delete(key);
    this.#selectors.delete(key);
  }

  came(): void {
    this.#context.metrics.autoscaler.count.of().add(1);
  }

  left(hpa: HorizontalPodAutoscaler): void {
    const { count, desired } = this.#context.metrics.autoscaler;
    count.of().add(-1);
    desired.forget(hpa.metadata.namespace, hpa.metadata.name);
    this.forget(keyOf(hpa));
  }

  /** @throws StatusError when the status cannot be written; the queue retries */
  async reconcile(key: string, hpa: HorizontalPodAutoscaler): Promise<void> {
    const { clock, metrics } = this.#context;
    const since = clock.monotonic();
    const count = (action: string, error: string): void => {
      metrics.autoscaler.reconciliations.of(action, error).add();
      metrics.autoscaler.reconciliationSeconds.of(action, error).observe((clock.monotonic() - since) / 1000);
    };
    try {
      const target = await this.#target(hpa);
      const observed = await this.#observe(key, hpa, target);
      const plan = planScale(observed);
      this.#histories.set(key, plan.history);
      this.#countOutcomes(hpa, plan, observed);
      this.#tell(hpa, plan.notices);
      const done =
        plan.rescale === undefined
          ? { status: plan.status, failed: false }
          : await this.#rescale(key, hpa, target, plan.status, plan.rescale);
      await this.#write(hpa, done.status);
      metrics.autoscaler.desired.of(hpa.metadata.namespace, hpa.metadata.name).set(done.status.desiredReplicas);
      count(
        plan.rescale === undefined ? 'none' : actionOf(target.specReplicas, done.status.desiredReplicas),
        plan.failed === true || done.failed ? 'internal' : 'none',
      );
    } catch (error) {
      count('none', 'internal');
      if (!(error instanceof TargetError)) throw error;
      const reason = 'FailedGetScale';
      this.#tell(hpa, [{ type: 'Warning', reason, message: error.message }]);
      const message = `the HPA controller was unable to get the target's current scale: ${error.message}`;
      await this.#write(hpa, said(withGeneration(hpa), clock.now(), { type: 'AbleToScale', status: 'False', reason, message }));
    }
  }

  /** Source: monitor ObserveMetricComputationResult. */
  #countOutcomes(hpa: HorizontalPodAutoscaler, { outcomes = [] }: ScalePlan, { specReplicas, readings }: Observed): void {
    const { computations, computationSeconds } = this.#context.metrics.autoscaler;
    for (const [i, outcome] of outcomes.entries()) {
      const fault = outcome.kind !== 'invalid' ? 'none' : outcome.reason === 'InvalidMetricSourceType' ? 'spec' : 'internal';
      const labels = [
        outcome.kind === 'invalid' ? 'none' : actionOf(specReplicas, outcome.replicas),
        fault,
        hpa.spec.metrics[i]?.type ?? '',
      ];
      computations.of(...labels).add();
      computationSeconds.of(...labels).observe(readings[i]?.seconds ?? 0);
    }
  }

  async #target({ spec, metadata }: HorizontalPodAutoscaler): Promise<Target> {
    const { apiVersion = 'v1', kind, name } = spec.scaleTargetRef;
    try {
      const resource = await this.#mapper.resourceFor(apiVersion, kind);
      const ref = { name, namespace: metadata.namespace };
      const scale = (await this.#context.client.get(resource, ref, { subresource: 'scale' })) as unknown as Scale;
      return { resource, scale, specReplicas: scale.spec.replicas ?? 0 };
    } catch (error) {
      if (error instanceof UnknownKindError) throw new TargetError(error.message);
      if (!isStatusError(error)) throw error;
      this.#mapper.forget(apiVersion, kind);
      throw new TargetError(error.message);
    }
  }

  async #observe(key: string, hpa: HorizontalPodAutoscaler, { scale, specReplicas }: Target): Promise<Observed> {
    const { client, clock, tuning } = this.#context;
    const base = {
      hpa,
      tuning: tuning.autoscaling,
      specReplicas,
      statusReplicas: scale.status?.replicas ?? 0,
      history: this.#histories.get(key) ?? NO_HISTORY,
    };
    // Where the count alone decides, nothing is read.
    if (isDisabled(base) || byCount(base) !== undefined) return { ...base, pods: [], readings: [], now: clock.now() };
    const { namespace } = hpa.metadata;
    const selector = this.#selector(key, scale);
    if (!('matches' in selector)) return { ...base, pods: [], readings: [], now: clock.now(), refusal: selector };
    const selected = this.#pods(namespace, selector);
    const refusal = this.#ambiguity(key, namespace, selected, selector);
    if (refusal !== undefined) return { ...base, pods: selected, readings: [], now: clock.now(), refusal };
    const readings = await readMetrics(
      hpa.spec.metrics,
      { namespace, selector: selector.toString() },
      { client, mapper: this.#mapper, clock },
    );
    return { ...base, pods: selected, readings, now: clock.now() };
  }

  /** Source: validateAndParseSelector. */
  #selector(key: string, { status }: Scale): LabelSelector | Refusal {
    const text = status?.selector ?? '';
    const reason = 'InvalidSelector';
    if (text === '')
      return { event: 'SelectorRequired', reason, message: 'selector is required', said: "the HPA target's scale is missing a selector" };
    try {
      const selector = parseLabelSelector(text);
      this.#selectors.set(key, selector);
      return selector;
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      const message = `couldn't convert selector into a corresponding internal selector object: ${error.message}`;
      return { event: reason, reason, message };
    }
  }

  #pods(namespace: string, selector: LabelSelector): readonly Pod[] {
    const informer = this.#context.informers.informer(pods);
    return [...informer.list(namespace)].filter(({ metadata }) => selector.matches(metadata.labels));
  }

  /** Two autoscalers over the same pods would fight. Source: hpasControllingPodsUnderSelector. */
  #ambiguity(key: string, namespace: string, selected: readonly Pod[], selector: LabelSelector): Refusal | undefined {
    const others = this.#context.informers
      .informer(horizontalpodautoscalers)
      .byIndex(BY_NAMESPACE, namespace)
      .map(keyOf)
      .filter((other) => {
        const known = other === key ? undefined : this.#selectors.get(other);
        return known !== undefined && selected.some(({ metadata }) => known.matches(metadata.labels));
      });
    if (others.length === 0) return undefined;
    const all = [key, ...others].toSorted((a, b) => (a < b ? -1 : 1)).join(' ');
    const message = `pods by selector ${selector.toString()} are controlled by multiple HPAs: [${all}]`;
    return { event: 'AmbiguousSelector', reason: 'AmbiguousSelector', message };
  }

  async #rescale(
    key: string,
    hpa: HorizontalPodAutoscaler,
    { resource, scale, specReplicas }: Target,
    status: HorizontalPodAutoscalerStatus,
    { replicas, reason }: { readonly replicas: number; readonly reason: string },
  ): Promise<{ readonly status: HorizontalPodAutoscalerStatus; readonly failed: boolean }> {
    const { client, clock } = this.#context;
    try {
      await client.update(resource, { ...scale, spec: { ...scale.spec, replicas } } as unknown as New<KubeObject>, {
        subresource: 'scale',
      });
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      const message = `New size: ${replicas}; reason: ${reason}; error: ${error.message}`;
      this.#tell(hpa, [{ type: 'Warning', reason: 'FailedRescale', message }]);
      const unable = `the HPA controller was unable to update the target scale: ${error.message}`;
      const failed = said(status, clock.now(), { type: 'AbleToScale', status: 'False', reason: 'FailedUpdateScale', message: unable });
      return { status: { ...failed, desiredReplicas: specReplicas }, failed: true };
    }
    this.#tell(hpa, [{ type: 'Normal', reason: 'SuccessfulRescale', message: `New size: ${replicas}; reason: ${reason}` }]);
    this.#histories.set(key, scaled(this.#histories.get(key) ?? NO_HISTORY, hpa, specReplicas, replicas, clock.now()));
    return { status: rescaled(status, replicas, clock.now()), failed: false };
  }

  #tell(hpa: HorizontalPodAutoscaler, notices: readonly Notice[]): void {
    for (const { type, reason, message } of notices) this.#context.events.event(hpa, type, reason, message);
  }

  async #write(hpa: HorizontalPodAutoscaler, status: HorizontalPodAutoscalerStatus): Promise<void> {
    if (deepEqual(status, hpa.status)) return;
    await this.#context.client.update(horizontalpodautoscalers, { ...hpa, status }, { subresource: 'status' });
  }
}
