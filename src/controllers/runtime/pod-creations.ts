// Creates pods of owners, none twice. The controller chooses their names, not the server: a pod whose creation was tried and
// that the informer has not shown is tried again by the same name, so there is one of it, whether an answer was lost, came from
// a server that gave up half way, or is not heard of for longer than anybody waits.
import { generatedName } from '#api/generated-name.ts';
import type { New, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Ids } from '#base/ids.ts';
import type { Lister } from '#client/informer-contract.ts';
import type { Expectations } from './expectations.ts';
import { slowStart } from './slow-start.ts';

/** Of the moment a pass began. */
export interface Pass {
  /** Everything done for the key has been seen. */
  readonly settled: boolean;
  /** Names of pods that may be there unseen, and what each was generated from. */
  readonly tried: ReadonlyMap<string, string>;
  /** Uids of pods that may be on their way out unseen. */
  readonly asked: ReadonlySet<string>;
}

export interface Creating {
  readonly key: string;
  readonly pass: Pass;
  /** Each with `generateName`, and no name. */
  readonly drafts: readonly New<Pod>[];
  /** The pods that the pass saw. */
  readonly known: readonly Pod[];
  /** Uids of pods that are deleted in the same pass. */
  readonly deletions?: readonly string[];
  /** @throws StatusError AlreadyExists when the name is that of a pod of another owner; see createOnce */
  create(pod: New<Pod>): Promise<unknown>;
}

export class PodCreations {
  readonly #pods: Pick<Lister<Pod>, 'get'>;
  readonly #ids: Ids;
  readonly #expectations: Expectations;
  /** By key: as in Pass. */
  readonly #tried = new Map<string, Map<string, string>>();

  constructor(deps: { readonly pods: Pick<Lister<Pod>, 'get'>; readonly ids: Ids; readonly expectations: Expectations }) {
    this.#pods = deps.pods;
    this.#ids = deps.ids;
    this.#expectations = deps.expectations;
  }

  /** To be asked before pods are read: one that appears in between must not be created twice. */
  begin(key: string): Pass {
    return {
      settled: this.#expectations.satisfied(key),
      tried: new Map(this.#tried.get(key)),
      asked: this.#expectations.asked(key),
    };
  }

  /** The informer shows a pod of the key's owner by this name. */
  observed(key: string, name: string): void {
    this.#expectations.creationObserved(key, name);
    this.#drop(key, name);
  }

  forget(key: string): void {
    this.#expectations.forget(key);
    this.#tried.delete(key);
  }

  /** Slowly at first. @returns how many are there, and the first failure */
  async run({ key, pass, drafts, known, deletions = [], create }: Creating): ReturnType<typeof slowStart> {
    const left = this.#named(pass, drafts, known);
    this.#expectations.expect(
      key,
      left.map(({ name }) => name),
      deletions,
    );
    const result = await slowStart(drafts.length, async () => this.#createOne(key, left.shift() as Named, create));
    for (const { name } of left) this.#expectations.creationObserved(key, name);
    return result;
  }

  async #createOne(key: string, { name, draft }: Named, create: Creating['create']): Promise<void> {
    const { generateName = '', namespace } = draft.metadata as Metadata;
    const tried = this.#tried.get(key);
    if (tried === undefined) this.#tried.set(key, new Map([[name, generateName]]));
    else tried.set(name, generateName);
    try {
      await create({ ...draft, metadata: { ...draft.metadata, name } } as New<Pod>);
      // It may have been shown before it was expected.
      if (this.#pods.get(name, namespace) !== undefined) this.observed(key, name);
    } catch (error) {
      this.#expectations.creationObserved(key, name);
      if (isStatusError(error, 'AlreadyExists')) this.#drop(key, name); // somebody else's
      throw error;
    }
  }

  /** Those that may be there already come first. */
  #named({ tried }: Pass, drafts: readonly New<Pod>[], known: readonly Pod[]): Named[] {
    const seen = new Set(tried.size === 0 ? [] : known.map(({ metadata }) => metadata.name));
    const again = Map.groupBy(
      [...tried.keys()].filter((name) => !seen.has(name)),
      (name) => tried.get(name),
    );
    const taken = new Set(tried.keys());
    return drafts.map((draft) => {
      const { generateName = '', namespace } = draft.metadata as Metadata;
      let name = again.get(generateName)?.shift();
      while (name === undefined) {
        const made = generatedName(generateName, this.#ids);
        if (!taken.has(made) && this.#pods.get(made, namespace) === undefined) name = made;
      }
      taken.add(name);
      return { name, draft };
    });
  }

  #drop(key: string, name: string): void {
    const tried = this.#tried.get(key);
    if (tried?.delete(name) === true && tried.size === 0) this.#tried.delete(key);
  }
}

type Metadata = { readonly generateName?: string; readonly namespace?: string };

interface Named {
  readonly name: string;
  readonly draft: New<Pod>;
}
