// Writes pod statuses beside the scheduling, so many at a time; of one pod only the latest. Source: backend/api_dispatcher.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Pod } from '#api/types.ts';
import { pods } from '#api/resources.ts';
import { type Client, ConnectionError } from '#client/contract.ts';

const MOST_AT_A_TIME = 32;

interface Write {
  readonly pod: Pod;
  readonly body: unknown;
}

/** Invariant: at most one request about a pod is under way. Bounded by the number of pods. */
export class StatusWriter {
  readonly #client: Client;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Write>();
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(client: Client, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
  }

  /** `body`: a strategic merge patch. */
  patch(pod: Pod, body: unknown): void {
    this.#waiting.set(pod.metadata.uid, { pod, body });
    this.#next();
  }

  /** At once, whatever else is under way. Failures are logged. */
  async write(pod: Pod, body: { readonly status: object }): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    try {
      const patch = { type: 'strategic', body: { metadata: { uid }, ...body } } as const;
      await this.#client.patch(pods, { name, namespace }, patch, { subresource: 'status' });
    } catch (error) {
      this.#told(error, pod);
    }
  }

  /** A pod that is bound or gone needs no word of what failed before. */
  drop(uid: string): void {
    this.#waiting.delete(uid);
  }

  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }

  #next(): void {
    for (const [uid, write] of this.#waiting) {
      if (this.#underWay.size >= MOST_AT_A_TIME) return;
      if (this.#underWay.has(uid)) continue;
      this.#waiting.delete(uid);
      this.#underWay.set(uid, this.#send(uid, write));
    }
  }

  async #send(uid: string, { pod, body }: Write): Promise<void> {
    const { name, namespace } = pod.metadata;
    try {
      await this.#client.patch(pods, { name, namespace }, { type: 'strategic', body }, { subresource: 'status' });
    } catch (error) {
      this.#told(error, pod);
    } finally {
      this.#underWay.delete(uid);
      this.#next();
    }
  }

  /** @throws what is neither an answer nor a lost connection */
  #told(error: unknown, { metadata: { name, namespace } }: Pod): void {
    if (!isStatusError(error) && !(error instanceof ConnectionError)) throw error;
    // Gone, or replaced by another of the name: nobody is left to tell. Else the next attempt tells it again.
    if (!isStatusError(error, 'NotFound')) this.#logger.error('Error updating pod', { pod: `${namespace}/${name}`, error });
  }
}
