// Sums what score plugins say of the feasible nodes and picks the best. Source: prioritizeNodes, RunScorePlugins.
import { type Feasible, MAX_NODE_SCORE, type Normalize } from '../framework/plugin.ts';
import type { NodeRanking } from './node-ranking.ts';
import type { PodClass, Scoring } from './pod-class.ts';

/** Arrays used anew in every cycle. */
export class NodeScratch {
  slots = new Int32Array(0);
  totals = new Float64Array(0);
  scores = new Float64Array(0);

  /** Room for `count` nodes; gives `slots`. */
  reserve(count: number): Int32Array {
    if (this.slots.length < count) {
      this.slots = new Int32Array(count * 2);
      this.totals = new Float64Array(count * 2);
      this.scores = new Float64Array(count * 2);
    }
    return this.slots;
  }
}

export interface Choice {
  /** In [0, 1): chooses among equals. */
  readonly fraction: () => number;
  /** What is added to the total of a slot. */
  readonly extra?: (slot: number) => number;
}

/** The slot with the greatest total among `scratch.slots[0 … count - 1]`. */
export function bestNode(kind: PodClass, scratch: NodeScratch, count: number, choice: Choice): number {
  const { slots, totals } = scratch;
  const { nodes, elsewhere } = kind.scorings(slots, count);
  for (let i = 0; i < count; i++) totals[i] = nodes.fixed[slots[i] as number] as number;
  for (const scoring of [...nodes.relative, ...elsewhere]) addScores(scoring, scratch, { slots, count });
  return greatest(scratch, { slots, count }, choice);
}

/** Likewise among all nodes that pods of this kind may go to. */
export function bestRanked(kind: PodClass, ranking: NodeRanking, scratch: NodeScratch, choice: Choice): number {
  const elsewhere = kind.elsewhere.filter(({ score }) => score.isIdle?.() !== true);
  if (elsewhere.length === 0) return ranking.best(choice.fraction);
  const { feasible } = ranking;
  const { slots, count } = feasible;
  scratch.reserve(count);
  for (let i = 0; i < count; i++) scratch.totals[i] = ranking.totals[slots[i] as number] as number;
  for (const scoring of elsewhere) addScores(scoring, scratch, feasible);
  return greatest(scratch, feasible, choice);
}

function greatest({ totals }: NodeScratch, { slots, count }: Feasible, { fraction, extra }: Choice): number {
  if (extra !== undefined) for (let i = 0; i < count; i++) totals[i] = (totals[i] as number) + extra(slots[i] as number);
  let best = -Infinity;
  let equals = 0;
  for (let i = 0; i < count; i++) {
    const total = totals[i] as number;
    if (total > best) {
      best = total;
      equals = 1;
    } else if (total === best) equals++;
  }
  let skip = equals === 1 ? 0 : Math.floor(fraction() * equals);
  for (let i = 0; i < count; i++) if (totals[i] === best && skip-- === 0) return slots[i] as number;
  throw new Error('no node has the best score');
}

/** What all nodes would get alike is left out. */
function addScores({ score, weight, raw }: Scoring, { totals, scores }: NodeScratch, feasible: Feasible): void {
  if (score.isIdle?.() === true) return;
  const { normalize } = score;
  const { slots, count } = feasible;
  let differs = false;
  if (raw === undefined) {
    score.begin?.(feasible);
    if (score.scoreAll !== undefined) score.scoreAll(feasible, scores);
    else for (let i = 0; i < count; i++) scores[i] = score.score(slots[i] as number);
    differs = true;
  } else {
    for (let i = 0; i < count; i++) {
      scores[i] = raw[slots[i] as number] as number;
      if (scores[i] !== scores[0]) differs = true;
    }
  }
  if (!differs) return;
  if (typeof normalize === 'function') normalize(scores, feasible);
  else defaultNormalize(normalize, scores, count);
  for (let i = 0; i < count; i++) totals[i] = (totals[i] as number) + weight * (scores[i] as number);
}

/** Source: helper.DefaultNormalizeScore. */
export function defaultNormalize(how: Exclude<Normalize, (...args: never) => void>, scores: Float64Array, count: number): void {
  if (how === 'none') return;
  let max = 0;
  for (let i = 0; i < count; i++) if ((scores[i] as number) > max) max = scores[i] as number;
  for (let i = 0; i < count; i++) scores[i] = relativeScore(how, scores[i] as number, max);
}

/** Of `score` where the greatest is `max`. */
export function relativeScore(how: Exclude<Normalize, (...args: never) => void>, score: number, max: number): number {
  if (how === 'none') return score;
  if (max === 0) return how === 'descending' ? MAX_NODE_SCORE : score;
  const share = Math.floor((MAX_NODE_SCORE * score) / max);
  return how === 'descending' ? MAX_NODE_SCORE - share : share;
}
