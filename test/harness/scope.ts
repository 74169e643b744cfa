// What a test made goes away in the reverse order, whatever the test came to.

/** What ends: a test (`t`), a file (`{ after }` of node:test), or a Scope. */
export interface Owner {
  after(release: () => void | Promise<void>): void;
}

const stacks = new WeakMap<Owner, (() => void | Promise<void>)[]>();

/**
 * Runs `release` when `owner` ends, before everything that was deferred earlier: what was built on top goes first.
 * All of them run; the failures are thrown together at the end.
 */
export function defer(owner: Owner, release: () => void | Promise<void>): void {
  const known = stacks.get(owner);
  if (known !== undefined) {
    known.push(release);
    return;
  }
  const stack = [release];
  stacks.set(owner, stack);
  owner.after(() => releaseAll(stack));
}

async function releaseAll(stack: (() => void | Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (let release = stack.pop(); release !== undefined; release = stack.pop()) {
    try {
      await release();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, 'several things could not be cleaned up');
}

/** An owner for programs that are no test, such as benchmarks: `await using scope = new Scope()`. */
export class Scope implements Owner, AsyncDisposable {
  #releases: (() => void | Promise<void>)[] = [];

  after(release: () => void | Promise<void>): void {
    this.#releases.push(release);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await releaseAll(this.#releases);
  }
}
