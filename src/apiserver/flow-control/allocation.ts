// pure
// How a server's seats are divided among priority levels, and how idle levels lend theirs. Source: apiserver
// pkg/util/flowcontrol conc_alloc.go, apf_controller.go finishQueueSetReconfigsLocked and updateBorrowingLocked.
import type { PriorityLevelConfigurationSpec } from '#api/gen/flowcontrol-v1.ts';

/** Seats. */
export interface Limits {
  readonly nominal: number;
  /** What is left when everything lendable is lent. */
  readonly least: number;
  readonly most: number;
}

interface Shares {
  readonly shares: number;
  readonly lendablePercent: number;
  readonly borrowingLimitPercent: number | undefined;
}

/** Source: plSpecCommons. */
export function sharesOf({ limited, exempt }: PriorityLevelConfigurationSpec): Shares {
  const { nominalConcurrencyShares = 0, lendablePercent = 0 } = limited ?? exempt ?? {};
  return { shares: nominalConcurrencyShares, lendablePercent, borrowingLimitPercent: limited?.borrowingLimitPercent };
}

/** In the order of `levels`. @param total seats of the server */
export function nominalLimits(levels: readonly Shares[], total: number): readonly Limits[] {
  const sum = levels.reduce((all, { shares }) => all + shares, 0);
  return levels.map(({ shares, lendablePercent, borrowingLimitPercent }) => {
    const nominal = sum === 0 ? 0 : Math.ceil((total * shares) / sum);
    const lendable = Math.round((nominal * lendablePercent) / 100);
    const borrowing = borrowingLimitPercent === undefined ? total : Math.round((nominal * borrowingLimitPercent) / 100);
    return { nominal, least: nominal - lendable, most: nominal + borrowing };
  });
}

/** Widest request a level with queues takes, seats. Source: priorityLevelMaxSeatsPercent. */
export const widestRequest = (nominal: number, handSize: number): number =>
  Math.max(1, Math.min(Math.ceil(nominal * 0.15), Math.trunc(nominal / handSize)));

/** What one level wanted over the last period, seats. */
export interface Demand {
  readonly limits: Limits;
  readonly exempt: boolean;
  readonly highWatermark: number;
  readonly smoothed: number;
}

export interface Borrowed {
  /** In the order of the demands. */
  readonly current: readonly number[];
  readonly targets: readonly number[];
  /** How much of its target each level gets that meets no bound. */
  readonly fairFraction: number;
}

/** The seats each level has until the next period. */
export function borrow(demands: readonly Demand[]): Borrowed {
  const total = demands.reduce((sum, { limits }) => sum + limits.nominal, 0);
  const wanted = demands.map(({ limits, exempt, highWatermark }) =>
    Math.max(limits.least, exempt ? highWatermark : Math.min(limits.nominal, highWatermark)),
  );
  const targets = demands.map(({ smoothed }, i) => Math.max(wanted[i] as number, smoothed));
  const limited = demands.map((_, i) => i).filter((i) => !(demands[i] as Demand).exempt);
  const sum = (of: (i: number) => number): number => limited.reduce((all, i) => all + of(i), 0);
  const least = (i: number): number => (demands[i] as Demand).limits.least;
  const remaining = total - demands.reduce((all, { exempt }, i) => all + (exempt ? (wanted[i] as number) : 0), 0);
  const leastSum = sum(least);
  const wantedSum = sum((i) => wanted[i] as number);
  const current = [...wanted];
  let fairFraction = 0;
  if (remaining <= leastSum) for (const i of limited) current[i] = least(i);
  else if (remaining <= wantedSum) {
    const fraction = (remaining - leastSum) / (wantedSum - leastSum);
    for (const i of limited) current[i] = least(i) + Math.round(((wanted[i] as number) - least(i)) * fraction);
  } else {
    const shared = allocate(
      total,
      limited.map((i) => ({ target: targets[i] as number, least: wanted[i] as number, most: (demands[i] as Demand).limits.most })),
    );
    fairFraction = shared.fraction;
    limited.forEach((i, at) => (current[i] = Math.round(shared.seats[at] as number)));
  }
  return { current, targets, fairFraction };
}

interface Claim {
  readonly target: number;
  readonly least: number;
  readonly most: number;
}

/** Least target counted, so that there is something to multiply. Source: MinTarget. */
const MIN_TARGET = 0.001;
/** Halvings until the fraction is as exact as a double. */
const STEPS = 100;

/**
 * The one fraction that, times each target and kept within its bounds, adds up to `total`; the nearest there is where
 * bounds allow none. The sum never falls as the fraction grows, so it is found by halving.
 */
export function allocate(total: number, claims: readonly Claim[]): { readonly seats: readonly number[]; readonly fraction: number } {
  const at = (fraction: number): readonly number[] =>
    claims.map(({ target, least, most }) => Math.max(least, Math.min(most, fraction * Math.max(target, MIN_TARGET))));
  const sum = (fraction: number): number => at(fraction).reduce((all, seats) => all + seats, 0);
  let [low, high] = [0, Math.max(1, ...claims.map(({ target, most }) => most / Math.max(target, MIN_TARGET)))];
  for (let i = 0; i < STEPS; i++) {
    const middle = (low + high) / 2;
    if (sum(middle) < total) low = middle;
    else high = middle;
  }
  return { seats: at(high), fraction: high };
}
