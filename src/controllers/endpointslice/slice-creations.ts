// Creates slices, none twice: while the informer does not show one that was created, its Service or Endpoints wait.
// Source: endpointslice endpointslice_tracker.go StaleSlices.
import { endpointslices } from '#api/resources.ts';
import type { EndpointSlice, New } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Client } from '#client/contract.ts';
import type { Informer } from '#client/informer-contract.ts';
import { createOnce } from '../runtime/create-once.ts';
import { Creations, type Pass } from '../runtime/creations.ts';
import { Expectations } from '../runtime/expectations.ts';
import { allAtOnce } from '../runtime/slow-start.ts';

export interface SliceCreationsDeps {
  readonly client: Client;
  readonly slices: Informer<EndpointSlice>;
  readonly ids: Ids;
  readonly clock: Clock;
  /** Of a slice that the controller looks after. */
  readonly keyOf: (slice: EndpointSlice) => string | undefined;
  /** What belongs to `key` is to be looked at. */
  readonly wake: (key: string) => void;
}

export class SliceCreations {
  readonly #deps: SliceCreationsDeps;
  readonly #creations: Creations<EndpointSlice>;
  /** Keys that are woken when a slice of theirs is shown. */
  readonly #waiting = new Set<string>();

  constructor(deps: SliceCreationsDeps) {
    this.#deps = deps;
    const { slices, ids, clock, keyOf, wake } = deps;
    this.#creations = new Creations({ shown: slices, ids, expectations: new Expectations(clock) });
    slices.addHandlers({
      added: (slice) => {
        const key = keyOf(slice);
        if (key === undefined) return;
        this.#creations.observed(key, slice.metadata.name);
        if (this.#waiting.delete(key)) wake(key);
      },
    });
  }

  /** To be asked before slices are read. Undefined: something that was created is not shown yet; then the key is woken. */
  begin(key: string): Pass | undefined {
    const pass = this.#creations.begin(key);
    if (pass.settled) return pass;
    this.#waiting.add(key);
    return undefined;
  }

  /** All at once. @throws the first failure, once all have ended */
  async create(key: string, pass: Pass, drafts: readonly New<EndpointSlice>[], known: readonly EndpointSlice[]): Promise<void> {
    const { client, slices, wake } = this.#deps;
    // One that an earlier pass created says what was true then.
    const outdated = ({ metadata }: EndpointSlice): void => {
      if (slices.get(metadata.name, metadata.namespace) === undefined) this.#waiting.add(key);
      else wake(key);
    };
    const create = (slice: New<EndpointSlice>): Promise<EndpointSlice> => createOnce(client, endpointslices, slice, outdated);
    const { failure } = await this.#creations.run({ key, pass, drafts, known, create, inBatches: allAtOnce });
    if (failure !== undefined) throw failure;
  }

  forget(key: string): void {
    this.#creations.forget(key);
    this.#waiting.delete(key);
  }
}
