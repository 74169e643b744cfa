// Keeps the default FlowSchemas and PriorityLevelConfigurations: mandatory ones as they are, suggested ones unless an
// administrator took them over. Source: kubernetes pkg/registry/flowcontrol/ensurer, rest storage_flowcontrol.go.
import type { FlowSchema, PriorityLevelConfiguration } from '#api/gen/flowcontrol-v1.ts';
import { flowschemas, prioritylevelconfigurations } from '#api/resources.ts';
import type { KubeObject, New } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deepEqual, isObject } from '#apimachinery/json-value.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import type { CacheReader } from '../cache/reader.ts';
import { AUTO_UPDATE, FLOW_SCHEMAS, PRIORITY_LEVELS, type Defaults } from './defaults.ts';

/** Between looks, milliseconds. Source: bootstrapConfiguration's wait.PollImmediateUntil, one minute. */
const LOOK_MS = 60_000;
/** Source: fieldManager of the ensurer. */
const FIELD_MANAGER = 'api-priority-and-fairness-config-producer-v1';

type Configured = KubeObject & { readonly spec: object };
type Step<T> =
  | { readonly kind: 'create'; readonly object: New<T> }
  | { readonly kind: 'update'; readonly object: New<T> }
  | { readonly kind: 'delete'; readonly name: string };

/** What has to be written so that the defaults stand. Pure. */
export function defaultsPlan<T extends Configured>(
  current: ReadonlyMap<string, T>,
  { mandatory, suggested }: Defaults<T>,
): readonly Step<T>[] {
  const steps: Step<T>[] = [];
  const known = new Set<string>();
  for (const [defaults, always] of [
    [suggested, false],
    [mandatory, true],
  ] as const) {
    for (const wanted of defaults) {
      const { name } = wanted.metadata;
      known.add(name);
      const found = current.get(name);
      if (found === undefined) steps.push({ kind: 'create', object: wanted as unknown as New<T> });
      else {
        const object = repaired(found, wanted, always);
        if (object !== undefined) steps.push({ kind: 'update', object: object as unknown as New<T> });
      }
    }
  }
  for (const [name, { metadata }] of current) {
    if (!known.has(name) && parsedBoolean(metadata.annotations?.[AUTO_UPDATE]) === true) steps.push({ kind: 'delete', name });
  }
  return steps;
}

/** Source: strategy.ShouldUpdate. */
function repaired(found: Configured, wanted: { readonly spec: object }, always: boolean): Configured | undefined {
  const marked = parsedBoolean(found.metadata.annotations?.[AUTO_UPDATE]);
  // Without a mark: nobody changed the spec so far.
  const auto = always || (marked ?? found.metadata.generation === 1);
  const changed = auto && !covers(found.spec, wanted.spec);
  if (!changed && marked === auto) return undefined;
  return {
    ...found,
    metadata: { ...found.metadata, annotations: { ...found.metadata.annotations, [AUTO_UPDATE]: String(auto) } },
    spec: changed ? wanted.spec : found.spec,
  };
}

/** `found` says what `wanted` says, with defaults filled in. */
function covers(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(found) && found.length === wanted.length && wanted.every((item, i) => covers(found[i], item));
  }
  if (!isObject(wanted)) return deepEqual(found, wanted);
  return isObject(found) && Object.entries(wanted).every(([name, value]) => covers(found[name], value));
}

const parsedBoolean = (text: string | undefined): boolean | undefined => (text === 'true' ? true : text === 'false' ? false : undefined);

interface KeeperDeps {
  readonly reader: CacheReader;
  readonly client: () => Client;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class DefaultsKeeper {
  readonly #deps: KeeperDeps;
  #working: Promise<void> = Promise.resolve();
  #again = false;
  #running = false;
  #written = (): void => {};
  #cancel: CancelTimer | undefined;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
  }

  /** @param written told whenever all of them stand */
  start(written: () => void): void {
    this.#written = written;
    this.#running = true;
    this.look();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#cancel?.();
    await this.#working;
  }

  /** Now, and in a minute again. */
  look(): void {
    if (!this.#running || this.#again) return;
    this.#again = true;
    this.#working = this.#working.then(() => {
      this.#again = false;
      return this.#pass();
    });
  }

  async #pass(): Promise<void> {
    const { client, clock, logger, reader } = this.#deps;
    try {
      await reader.caughtUp();
      await carryOut(client(), prioritylevelconfigurations as Resource<PriorityLevelConfiguration>, reader, PRIORITY_LEVELS);
      await carryOut(client(), flowschemas as Resource<FlowSchema>, reader, FLOW_SCHEMAS);
      this.#written();
    } catch (error) {
      if (this.#running) logger.warn('default flow control objects were not written; they are tried again', { error });
    }
    this.#cancel?.();
    if (this.#running) this.#cancel = clock.after(LOOK_MS, () => this.look());
  }
}

async function carryOut<T extends Configured>(
  client: Client,
  resource: Resource<T>,
  reader: CacheReader,
  defaults: Defaults<T>,
): Promise<void> {
  const current = new Map([...reader.list(resource)].map((object) => [object.metadata.name, object]));
  for (const step of defaultsPlan(current, defaults)) {
    try {
      if (step.kind === 'create') await client.create(resource, step.object, { fieldManager: FIELD_MANAGER });
      else if (step.kind === 'update') await client.update(resource, step.object, { fieldManager: FIELD_MANAGER });
      else await client.delete(resource, { name: step.name });
    } catch (error) {
      // Another server was there first; its change brings another look.
      if (!isStatusError(error, 'AlreadyExists') && !isStatusError(error, 'Conflict') && !isStatusError(error, 'NotFound')) throw error;
    }
  }
}
