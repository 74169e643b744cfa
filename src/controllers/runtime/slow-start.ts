// Many equal writes: in batches that double, so that a refusal (quota, admission) costs one request and not hundreds.

/** Source: controller SlowStartInitialBatchSize. */
const FIRST_BATCH = 1;

export interface Done {
  readonly succeeded: number;
  /** The first one. */
  readonly failure: Error | undefined;
}

/**
 * Calls `attempt` up to `count` times: once, then 2, 4, … at a time, as long as all succeed. Source: slowStartBatch.
 */
export async function slowStart(count: number, attempt: () => Promise<unknown>): Promise<Done> {
  let succeeded = 0;
  for (let batch = Math.min(FIRST_BATCH, count); batch > 0; batch = Math.min(batch * 2, count - succeeded)) {
    const results = await Promise.allSettled(Array.from({ length: batch }, attempt));
    const failures = results.filter((result) => result.status === 'rejected');
    succeeded += batch - failures.length;
    const [first] = failures;
    if (first !== undefined) return { succeeded, failure: first.reason as Error };
  }
  return { succeeded, failure: undefined };
}

/** For a few writes that others wait for. */
export async function allAtOnce(count: number, attempt: () => Promise<unknown>): Promise<Done> {
  const results = await Promise.allSettled(Array.from({ length: count }, attempt));
  const failures = results.filter((result) => result.status === 'rejected');
  return { succeeded: count - failures.length, failure: failures[0]?.reason as Error | undefined };
}
