// Which of the runtime's handlers runs a pod.
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { runtimeclasses } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { ConnectionError, type Client } from '#client/contract.ts';

/** The pod's runtime class cannot be had; the message is upstream's. */
export class RuntimeClassError extends Error {
  override readonly name = 'RuntimeClassError';
}

/** Read when a sandbox is made, without a watch: few pods name a class. Source: runtimeclass Manager. */
export class RuntimeHandlers {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** The handler's name; empty for the runtime's default. @throws RuntimeClassError; Source: LookupRuntimeHandler */
  async of({ spec: { runtimeClassName = '' } }: Pod): Promise<string> {
    if (runtimeClassName === '') return '';
    try {
      return (await this.#client.get(runtimeclasses, { name: runtimeClassName })).handler;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) throw new RuntimeClassError(`runtimeclass.node.k8s.io "${runtimeClassName}" not found`);
      if (!(error instanceof StatusError) && !(error instanceof ConnectionError)) throw error;
      throw new RuntimeClassError(`failed to lookup RuntimeClass ${runtimeClassName}: ${error.message}`);
    }
  }
}
