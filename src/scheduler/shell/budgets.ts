// PodDisruptionBudgets as preemption reads them, worked out once for each change.
import { selectorFromObject } from '#apimachinery/labels.ts';
import type { PodDisruptionBudget } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import type { Budget } from '../plugins/victims-plan.ts';

export class Budgets {
  readonly stop: () => void;
  readonly #informer: Informer<PodDisruptionBudget>;
  #all: readonly Budget[] | undefined;

  constructor(informer: Informer<PodDisruptionBudget>) {
    this.#informer = informer;
    const changed = (): void => (this.#all = undefined);
    this.stop = informer.addHandlers({ added: changed, updated: changed, deleted: changed });
  }

  /** The same list until a budget changes. */
  get all(): readonly Budget[] {
    this.#all ??= [...this.#informer.list()].flatMap(budgetOf);
    return this.#all;
  }
}

/** One without a selector spares nothing. */
function budgetOf({ metadata, spec, status }: PodDisruptionBudget): readonly Budget[] {
  const selector = selectorFromObject(spec?.selector);
  if (selector.empty) return [];
  return [
    {
      namespace: metadata.namespace,
      selector,
      disruptionsAllowed: status?.disruptionsAllowed ?? 0,
      disrupted: new Set(Object.keys(status?.disruptedPods ?? {})),
    },
  ];
}
