// Sums what score plugins say of the feasible nodes and picks the best. Source: prioritizeNodes, RunScorePlugins.
import { MAX_NODE_SCORE, type Normalize } from '../framework/plugin.ts';
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

/**
 * The slot with the greatest total among `scratch.slots[0 … count - 1]`; `fraction` in [0, 1) chooses among equals. `extra`:
 * what is added to the total of a slot.
 */
export function bestNode(
  kind: PodClass,
  scratch: NodeScratch,
  count: number,
  { fraction, extra }: { readonly fraction: () => number; readonly extra?: (slot: number) => number },
): number {
  const { slots, totals } = scratch;
  const { fixed, relative } = kind.scorings(slots, count);
  for (let i = 0; i < count; i++) totals[i] = fixed[slots[i] as number] as number;
  for (const scoring of relative) addScores(scoring, scratch, count);
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
function addScores({ score, normalize, weight, raw }: Scoring, { slots, totals, scores }: NodeScratch, count: number): void {
  if (score.isIdle?.() === true) return;
  let differs = false;
  if (score.scope === 'cluster') {
    score.begin?.({ slots, count });
    for (let i = 0; i < count; i++) scores[i] = score.score(slots[i] as number);
    differs = true;
  } else {
    for (let i = 0; i < count; i++) {
      scores[i] = raw[slots[i] as number] as number;
      if (scores[i] !== scores[0]) differs = true;
    }
  }
  if (!differs) return;
  if (typeof normalize === 'function') normalize(scores, { slots, count });
  else defaultNormalize(normalize, scores, count);
  for (let i = 0; i < count; i++) totals[i] = (totals[i] as number) + weight * (scores[i] as number);
}

/** Source: helper.DefaultNormalizeScore. */
export function defaultNormalize(how: Exclude<Normalize, (...args: never) => void>, scores: Float64Array, count: number): void {
  if (how === 'none') return;
  let max = 0;
  for (let i = 0; i < count; i++) if ((scores[i] as number) > max) max = scores[i] as number;
  if (max === 0) {
    if (how === 'descending') scores.fill(MAX_NODE_SCORE, 0, count);
    return;
  }
  for (let i = 0; i < count; i++) {
    const share = Math.floor((MAX_NODE_SCORE * (scores[i] as number)) / max);
    scores[i] = how === 'descending' ? MAX_NODE_SCORE - share : share;
  }
}
