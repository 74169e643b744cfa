// Creates objects of owners, none twice. The controller chooses their names, not the server: an object whose creation was tried
// and that the informer has not shown is tried again by the same name, so there is one of it, whether an answer was lost, came
// from a server that gave up half way, or is not heard of for longer than anybody waits.
import { generatedName } from '#api/generated-name.ts';
import type { KubeObject, New } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Ids } from '#base/ids.ts';
import type { Lister } from '#client/informer-contract.ts';
import type { Expectations } from './expectations.ts';
import { type Done, slowStart } from './slow-start.ts';

/** Of the moment a pass began. */
export interface Pass {
  /** Everything done for the key has been seen. */
  readonly settled: boolean;
  /** Names of objects that may be there unseen, and what each was generated from. */
  readonly tried: ReadonlyMap<string, string>;
  /** Uids of objects that may be on their way out unseen. */
  readonly asked: ReadonlySet<string>;
}

export interface Creating<T> {
  readonly key: string;
  readonly pass: Pass;
  /** Each with `generateName`, and no name. */
  readonly drafts: readonly New<T>[];
  /** The objects that the pass saw. */
  readonly known: readonly T[];
  /** Uids of objects that are deleted in the same pass, and waited for too. */
  readonly deletions?: readonly string[];
  /** @throws StatusError AlreadyExists when the name is that of another owner's object; see createOnce */
  create(object: New<T>): Promise<unknown>;
  /** How many at a time; absent: slowly at first. */
  readonly inBatches?: typeof slowStart;
}

export interface CreationsDeps<T> {
  readonly shown: Pick<Lister<T>, 'get'>;
  readonly ids: Ids;
  readonly expectations: Expectations;
}

export class Creations<T extends KubeObject> {
  readonly #deps: CreationsDeps<T>;
  /** By key: as in Pass. */
  readonly #tried = new Map<string, Map<string, string>>();

  constructor(deps: CreationsDeps<T>) {
    this.#deps = deps;
  }

  /** To be asked before objects are read: one that appears in between must not be created twice. */
  begin(key: string): Pass {
    const { expectations } = this.#deps;
    return { settled: expectations.satisfied(key), tried: new Map(this.#tried.get(key)), asked: expectations.asked(key) };
  }

  /** The informer shows an object of the key's owner by this name. */
  observed(key: string, name: string): void {
    this.#deps.expectations.creationObserved(key, name);
    this.#drop(key, name);
  }

  forget(key: string): void {
    this.#deps.expectations.forget(key);
    this.#tried.delete(key);
  }

  /** @returns how many are there, and the first failure */
  async run({ key, pass, drafts, known, deletions = [], create, inBatches = slowStart }: Creating<T>): Promise<Done> {
    const { expectations } = this.#deps;
    const left = this.#named(pass, drafts, known);
    expectations.expect(
      key,
      left.map(({ name }) => name),
      deletions,
    );
    const result = await inBatches(drafts.length, async () => this.#createOne(key, left.shift() as Named<T>, create));
    for (const { name } of left) expectations.creationObserved(key, name);
    return result;
  }

  async #createOne(key: string, { name, draft }: Named<T>, create: Creating<T>['create']): Promise<void> {
    const { generateName = '', namespace } = metadataOf(draft);
    const tried = this.#tried.get(key);
    if (tried === undefined) this.#tried.set(key, new Map([[name, generateName]]));
    else tried.set(name, generateName);
    try {
      await create({ ...draft, metadata: { ...metadataOf(draft), name } });
      // It may have been shown before it was expected.
      if (this.#deps.shown.get(name, namespace) !== undefined) this.observed(key, name);
    } catch (error) {
      this.#deps.expectations.creationObserved(key, name); // it may never be
      if (isStatusError(error, 'AlreadyExists')) this.#drop(key, name); // somebody else's
      throw error;
    }
  }

  /** Those that may be there already come first. */
  #named({ tried }: Pass, drafts: readonly New<T>[], known: readonly T[]): Named<T>[] {
    const { ids, shown } = this.#deps;
    const seen = new Set(tried.size === 0 ? [] : known.map(({ metadata }) => metadata.name));
    const again = Map.groupBy(
      [...tried.keys()].filter((name) => !seen.has(name)),
      (name) => tried.get(name),
    );
    const taken = new Set(tried.keys());
    return drafts.map((draft) => {
      const { generateName = '', namespace } = metadataOf(draft);
      let name = again.get(generateName)?.shift();
      while (name === undefined) {
        const made = generatedName(generateName, ids);
        if (!taken.has(made) && shown.get(made, namespace) === undefined) name = made;
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

interface Metadata {
  readonly generateName?: string;
  readonly namespace?: string;
}

const metadataOf = (draft: object): Metadata => (draft as { readonly metadata: Metadata }).metadata;

interface Named<T> {
  readonly name: string;
  readonly draft: New<T>;
}
