// Lets synchronous work use conversions that a webhook makes: work that lacks one is done again once it is there.
import { internalError } from '#apimachinery/errors.ts';
import type { KubeObject } from '#api/types.ts';

/** Conversions one piece of work may wait for: every manager of an object may have written another version. */
const MAX_ROUNDS = 64;

type Converted = KubeObject | undefined;

export class Conversions {
  /** By version and the object's JSON. */
  readonly #made = new Map<string, Converted>();

  /** @throws Missing, which `withConversions` answers */
  get(value: object, apiVersion: string, convert: () => Converted | Promise<Converted>): Converted {
    const key = `${apiVersion} ${JSON.stringify(value)}`;
    if (this.#made.has(key)) return this.#made.get(key);
    const converted = convert();
    if (!(converted instanceof Promise)) return converted;
    throw new Missing(converted.then((object) => void this.#made.set(key, object)));
  }
}

class Missing extends Error {
  override readonly name = 'Missing';
  readonly arrives: Promise<void>;

  constructor(arrives: Promise<void>) {
    super('a conversion is under way');
    this.arrives = arrives;
  }
}

/** What `work` gives, at once when it lacks nothing. @throws StatusError of a conversion that fails */
export function withConversions<T>(work: (conversions: Conversions) => T): T | Promise<T> {
  const conversions = new Conversions();
  try {
    return work(conversions);
  } catch (error) {
    if (error instanceof Missing) return again(work, conversions, error);
    throw error;
  }
}

async function again<T>(work: (conversions: Conversions) => T, conversions: Conversions, first: Missing): Promise<T> {
  let missing = first;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    await missing.arrives;
    try {
      return work(conversions);
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      missing = error;
    }
  }
  throw internalError(new Error('too many versions to convert between'));
}
