// Keeps the Service `kubernetes` and leads it to all API servers over one store: each says now and then that it serves, and
// brings the endpoints in line with those who do. Source: pkg/controlplane/controller/kubernetesservice, reconcilers/lease.go.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { endpoints, endpointslices, services } from '#api/resources.ts';
import type { Schema } from '#api/schema.ts';
import type { Endpoints, KubeObject, New } from '#api/types.ts';
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import type { Store } from '#store/contract.ts';
import { foreignValues } from '../registry/foreign-values.ts';
import { type Members, onlyMember, storedMembers } from './members.ts';
import { addressTypeOf, type ApiAddress, canLead, NAME, NAMESPACE, wantedEndpoints, wantedService, wantedSlice } from './plan.ts';

/** Source: DefaultEndpointReconcilerInterval. */
const INTERVAL_MS = 10_000;
/** Source: DefaultEndpointReconcilerTTL. */
const MEMBER_TTL_SECONDS = 15;
/** A store that does not answer holds up the end of a server no longer than this. Source: Controller.Stop. */
const FAREWELL_MS = 2 * INTERVAL_MS;
/** Another server may write the same object at the same moment. Source: retry.DefaultBackoff. */
const TRIES = 4;

/** @throws StoreUnavailableError */
export async function membersOf(store: Store, schema: Schema): Promise<Members> {
  const { engine } = await store.status();
  if (engine === 'embedded') return onlyMember();
  return storedMembers(store, MEMBER_TTL_SECONDS, (value) => foreignValues(schema, 'Endpoints', {})(value) as Endpoints);
}

export interface AnnouncerDeps {
  readonly client: Client;
  readonly members: Members;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Announcer {
  readonly #deps: AnnouncerDeps;
  readonly #own: ApiAddress;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  #reported = '';

  constructor(deps: AnnouncerDeps, own: ApiAddress) {
    this.#deps = deps;
    this.#own = own;
  }

  /** Resolves after the first look. What fails is logged, and tried again at the next. */
  async start(): Promise<void> {
    const { address } = this.#own;
    if (!canLead(address)) this.#deps.logger.warn('pods do not reach this API server by its Service', { address });
    await this.#look();
    this.#running = this.#keepLooking();
  }

  /** Takes this server out of the endpoints, so that nobody is led to it any more. */
  async stop(): Promise<void> {
    this.#ending.abort(new Error('the server stops'));
    const patience = new AbortController();
    await Promise.race([this.#leave(), wait(this.#deps.clock, FAREWELL_MS, patience.signal).catch(() => {})]);
    patience.abort();
  }

  async #leave(): Promise<void> {
    await this.#running;
    const { members, logger } = this.#deps;
    try {
      await members.remove(this.#own.address);
      const others = await members.list();
      if (others.length > 0) await this.#lead(others); // the last one leaves them: its own address is where it comes back
    } catch (error) {
      logger.warn('this API server stays among the endpoints of the Service kubernetes until its lease ends', { error });
    }
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        await wait(this.#deps.clock, INTERVAL_MS, signal);
      } catch {
        return; // stopped
      }
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { members, logger } = this.#deps;
    try {
      // First of all, and whatever comes of the rest: one of the others may still lead pods here.
      if (canLead(this.#own.address)) await members.renew(this.#own.address);
      await this.#ensureService();
      const serving = await members.list();
      // Nobody: what is there stays, since nothing better is known.
      if (serving.length > 0) await this.#lead(serving);
      this.#reported = '';
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#reported) logger.warn('the Service kubernetes does not lead to this API server', { ...this.#own, error });
      this.#reported = message;
    }
  }

  async #ensureService(): Promise<void> {
    const { client } = this.#deps;
    if ((await found(client, services)) !== undefined) return;
    try {
      await client.create(services, wantedService(this.#own));
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }

  async #lead(serving: readonly string[]): Promise<void> {
    const { client } = this.#deps;
    const { port } = this.#own;
    await written(client, endpoints, (present) => wantedEndpoints(present, serving, port));
    await this.#deleteStrangers(addressTypeOf(serving));
    await written(client, endpointslices, (present) => wantedSlice(present, serving, port));
  }

  /** Slices of this Service that no API server writes: of another family, or by another name. Source: listEndpointSlices. */
  async #deleteStrangers(addressType: string): Promise<void> {
    const { client } = this.#deps;
    const labelSelector = `kubernetes.io/service-name=${NAME}`;
    const { items } = await client.list(endpointslices, { namespace: NAMESPACE, labelSelector });
    for (const slice of items) {
      if (slice.metadata.name === NAME && slice.addressType === addressType) continue;
      try {
        await client.delete(endpointslices, { name: slice.metadata.name ?? '', namespace: NAMESPACE });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
  }
}

async function found<T extends KubeObject>(client: Client, resource: Resource<T>): Promise<T | undefined> {
  try {
    return await client.get(resource, { name: NAME, namespace: NAMESPACE });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function written<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  wanted: (present: T | undefined) => New<T> | undefined,
): Promise<void> {
  for (let tried = 1; ; tried++) {
    const present = await found(client, resource);
    const object = wanted(present);
    if (object === undefined) return;
    try {
      await (present === undefined ? client.create(resource, object) : client.update(resource, object));
      return;
    } catch (error) {
      const raced = isStatusError(error, 'Conflict') || isStatusError(error, 'AlreadyExists');
      if (!raced || tried === TRIES) throw error;
    }
  }
}
