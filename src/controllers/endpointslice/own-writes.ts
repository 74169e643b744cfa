// Which changes of slices are the controller's own: it need not look at them again.
// Source: endpointslice endpointslice_tracker.go.
import type { EndpointSlice } from '#api/types.ts';

export class OwnWrites {
  /** The generation that the last write of the controller gives a slice, by uid. */
  readonly #generations = new Map<string, number>();

  /**
   * `slice` is about to be written over that version of it. Should somebody else be first, then this write is refused, and its
   * failure brings the Service back.
   */
  writes({ metadata: { uid, generation } }: EndpointSlice): void {
    if (generation !== undefined) this.#generations.set(uid, Number(generation) + 1);
  }

  /** Whether the change is what `writes` told of. */
  made({ metadata: { uid, generation } }: EndpointSlice, before: EndpointSlice): boolean {
    return generation !== undefined && generation !== before.metadata.generation && this.#generations.get(uid) === Number(generation);
  }

  forget({ metadata: { uid } }: EndpointSlice): void {
    this.#generations.delete(uid);
  }
}
