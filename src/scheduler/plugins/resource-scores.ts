// pure
// Scores of a node by how full it is or would be. Source: plugins/noderesources least_allocated.go, most_allocated.go,
// requested_to_capacity_ratio.go, balanced_allocation.go.
import { MAX_NODE_SCORE } from '../framework/plugin.ts';

/** Amounts of one node, one entry for each scored resource; an allocatable of 0 leaves the resource out. */
export interface Usage {
  /** With the pod. */
  readonly requested: Float64Array;
  /** Without it. */
  readonly allocated: Float64Array;
  readonly allocatable: Float64Array;
}

export interface ScoredResource {
  readonly name: string;
  readonly weight: number;
}

export interface ShapePoint {
  /** Per cent. */
  readonly utilization: number;
  /** 0 … 10. */
  readonly score: number;
}

export type ScoringStrategy =
  | { readonly type: 'LeastAllocated' | 'MostAllocated'; readonly resources: readonly ScoredResource[] }
  | {
      readonly type: 'RequestedToCapacityRatio';
      readonly resources: readonly ScoredResource[];
      readonly shape: readonly ShapePoint[];
    };

/** Source: config.MaxCustomPriorityScore. */
const MAX_SHAPE_SCORE = 10;

export type Scorer = (usage: Usage) => number;

export function resourceScorer(strategy: ScoringStrategy): Scorer {
  const weights = strategy.resources.map(({ weight }) => weight);
  switch (strategy.type) {
    case 'LeastAllocated':
      return weighted(weights, (requested, capacity) =>
        requested > capacity ? 0 : Math.floor(((capacity - requested) * MAX_NODE_SCORE) / capacity),
      );
    case 'MostAllocated':
      return weighted(weights, (requested, capacity) => Math.floor((Math.min(requested, capacity) * MAX_NODE_SCORE) / capacity));
    case 'RequestedToCapacityRatio':
      return requestedToCapacityRatio(weights, strategy.shape);
  }
}

function weighted(weights: readonly number[], score: (requested: number, capacity: number) => number): Scorer {
  return ({ requested, allocatable }) => {
    let sum = 0;
    let weightSum = 0;
    for (let i = 0; i < weights.length; i++) {
      const capacity = allocatable[i] as number;
      if (capacity === 0) continue;
      const weight = weights[i] as number;
      sum += score(requested[i] as number, capacity) * weight;
      weightSum += weight;
    }
    return weightSum === 0 ? 0 : Math.floor(sum / weightSum);
  };
}

/** Unlike the others it leaves out resources that score 0, and rounds. Source: buildRequestedToCapacityRatioScorerFunction. */
function requestedToCapacityRatio(weights: readonly number[], shape: readonly ShapePoint[]): Scorer {
  const curve = brokenLinear(shape.map(({ utilization, score }) => ({ utilization, score: score * (MAX_NODE_SCORE / MAX_SHAPE_SCORE) })));
  return ({ requested, allocatable }) => {
    let sum = 0;
    let weightSum = 0;
    for (let i = 0; i < weights.length; i++) {
      const capacity = allocatable[i] as number;
      if (capacity === 0) continue;
      const asked = requested[i] as number;
      const score = curve(asked > capacity ? 100 : Math.trunc((asked * 100) / capacity));
      if (score <= 0) continue;
      sum += score * (weights[i] as number);
      weightSum += weights[i] as number;
    }
    return weightSum === 0 ? 0 : Math.round(sum / weightSum);
  };
}

/** Straight lines between the points, level before the first and after the last. Source: BuildBrokenLinearFunction. */
export function brokenLinear(points: readonly ShapePoint[]): (utilization: number) => number {
  return (utilization) => {
    for (let i = 0; i < points.length; i++) {
      const point = points[i] as ShapePoint;
      if (utilization > point.utilization) continue;
      if (i === 0) return point.score;
      const before = points[i - 1] as ShapePoint;
      const rise = (point.score - before.score) * (utilization - before.utilization);
      return before.score + Math.trunc(rise / (point.utilization - before.utilization));
    }
    return points.at(-1)?.score ?? 0;
  };
}

/** 75 when the pod leaves the balance as it is, up to 100 when it betters it, down to 50. Source: balancedResourceScorer. */
export function balancedScore({ requested, allocated, allocatable }: Usage): number {
  const change = balance(requested, allocatable) - balance(allocated, allocatable);
  return MAX_NODE_SCORE / 2 + Math.trunc((MAX_NODE_SCORE / 2 + change) / 2);
}

/** Source: balancedResourceScore. */
function balance(requested: Float64Array, allocatable: Float64Array): number {
  let count = 0;
  let sum = 0;
  let first = 0;
  let last = 0;
  for (let i = 0; i < requested.length; i++) {
    if (allocatable[i] === 0) continue;
    const fraction = Math.min((requested[i] as number) / (allocatable[i] as number), 1);
    if (count === 0) first = fraction;
    last = fraction;
    sum += fraction;
    count++;
  }
  return Math.trunc((1 - deviation()) * MAX_NODE_SCORE);

  function deviation(): number {
    if (count < 2) return 0;
    if (count === 2) return Math.abs((first - last) / 2);
    const mean = sum / count;
    let squares = 0;
    for (let i = 0; i < requested.length; i++) {
      if (allocatable[i] === 0) continue;
      squares += (Math.min((requested[i] as number) / (allocatable[i] as number), 1) - mean) ** 2;
    }
    return Math.sqrt(squares / count);
  }
}
