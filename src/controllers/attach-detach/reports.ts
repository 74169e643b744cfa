// Tells nodes in their status which volumes they may mount. Source: statusupdater node_status_updater.go.
import { isStatusError } from '#apimachinery/errors.ts';
import { nodes } from '#api/resources.ts';
import type { Node } from '#api/types.ts';
import type { Client } from '#client/contract.ts';

export class AttachedReports {
  readonly #client: Client;
  readonly #told = new Map<string, Set<string>>();
  /** Writes to one node, one after the other: each writes the whole list. */
  readonly #writing = new Map<string, Promise<unknown>>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** A node that came, or came back. @returns false when it does not know what it was told before */
  seed({ metadata: { name }, status }: Node): boolean {
    const listed = (status?.volumesAttached ?? []).map((each) => each.name);
    const told = this.#told.get(name);
    if (told === undefined) this.#told.set(name, new Set(listed));
    return told === undefined || (told.size === listed.length && listed.every((each) => told.has(each)));
  }

  /** A node that is gone; what it has is kept until it is detached. */
  gone(node: string): void {
    if (this.#told.get(node)?.size === 0) this.#told.delete(node);
  }

  has(node: string, volume: string): boolean {
    return this.#told.get(node)?.has(volume) === true;
  }

  /** Undefined where nothing had to be written, or the node is gone. @throws StatusError, and nothing has changed then */
  async set(node: string, volume: string, attached: boolean): Promise<Node | undefined> {
    if (this.has(node, volume) === attached) return undefined;
    this.#change(node, volume, attached);
    try {
      return await this.write(node);
    } catch (error) {
      this.#change(node, volume, !attached);
      throw error;
    }
  }

  /** Undefined for a node that is gone. @throws StatusError */
  write(name: string): Promise<Node | undefined> {
    const before = this.#writing.get(name) ?? Promise.resolve();
    const write = before.then(
      () => this.#write(name),
      () => this.#write(name),
    );
    this.#writing.set(name, write);
    return write.finally(() => {
      if (this.#writing.get(name) === write) this.#writing.delete(name);
    });
  }

  async #write(name: string): Promise<Node | undefined> {
    const volumesAttached = [...(this.#told.get(name) ?? [])].toSorted().map((each) => ({ name: each, devicePath: '' }));
    const patch = { type: 'strategic', body: { status: { volumesAttached } } } as const;
    try {
      return await this.#client.patch(nodes, { name }, patch, { subresource: 'status' });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      this.gone(name);
      return undefined;
    }
  }

  #change(node: string, volume: string, attached: boolean): void {
    const told = this.#told.get(node) ?? new Set();
    this.#told.set(node, told);
    if (attached) told.add(volume);
    else told.delete(volume);
  }
}
