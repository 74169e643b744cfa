// Runs the admission plugins around one write.
import { readOwners } from '#apimachinery/apply/owners.ts';
import { FieldSetError } from '#apimachinery/apply/path-element.ts';
import { forbidden } from '#apimachinery/errors.ts';
import type { KubeObject } from '#api/types.ts';
import { wait, type Clock } from '#base/clock.ts';
import type {
  AdmissionAttributes,
  AdmissionChain,
  AdmissionPlugin,
  MutatingPlugin,
  Operation,
  ValidatingPlugin,
} from '../admission/contract.ts';
import type { AdmissionMetrics } from '../admission/metrics.ts';
import { withMetadata } from './metadata.ts';
import { withUniqueOwners } from './owner-references.ts';

/** How long a write waits for plugins that are not ready, milliseconds. Source: initializer's timeToWaitForReady. */
const READY_TIMEOUT_MS = 10_000;

const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'];

interface Handlers {
  readonly mutating: readonly MutatingPlugin[];
  readonly validating: readonly ValidatingPlugin[];
}

/** What plugins may have got wrong. Source: fieldmanager.NewManagedFieldsValidatingAdmissionController. */
function repaired(object: KubeObject, { object: before, request }: AdmissionAttributes): KubeObject {
  const unique = withUniqueOwners(object, request, 'admitted');
  const managedFields = before?.metadata.managedFields;
  if (unique.metadata.managedFields === managedFields) return unique;
  try {
    readOwners(unique.metadata.managedFields);
    return unique;
  } catch (error) {
    if (!(error instanceof FieldSetError)) throw error;
    request.warnings.add(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${error.message}`,
    );
    return withMetadata(unique, { managedFields });
  }
}

export class AdmissionRunner {
  readonly #byOperation: ReadonlyMap<Operation, Handlers>;
  readonly #clock: Clock;
  readonly #metrics: AdmissionMetrics;

  constructor(chain: AdmissionChain, clock: Clock, metrics: AdmissionMetrics) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.#byOperation = new Map(
      OPERATIONS.map((operation) => {
        const handles = (plugin: { readonly operations: readonly Operation[] }): boolean => plugin.operations.includes(operation);
        return [operation, { mutating: chain.mutating.filter(handles), validating: chain.validating.filter(handles) }];
      }),
    );
  }

  /** Whether any plugin wants to see this: without one, attributes need not be made. */
  handles(operation: Operation): boolean {
    const { mutating, validating } = this.#handlers(operation);
    return mutating.length > 0 || validating.length > 0;
  }

  /** The object after all mutating plugins; for DELETE and CONNECT they only refuse. @throws StatusError */
  async mutate(attributes: AdmissionAttributes): Promise<KubeObject | undefined> {
    const started = this.#clock.monotonic();
    let rejected = true;
    try {
      const memory = new Map<string, unknown>();
      let again = false;
      const runAgain = (): void => {
        again = true;
      };
      let object = await this.#round({ ...attributes, rounds: { round: 0, runAgain, memory } });
      if (again) object = await this.#round({ ...attributes, object, rounds: { round: 1, runAgain, memory } });
      rejected = false;
      return object === undefined || object === attributes.object ? object : repaired(object, attributes);
    } finally {
      this.#metrics.steps.observe(this.#clock.monotonic() - started, 'admit', attributes.operation, String(rejected));
    }
  }

  /** Each mutating plugin once. */
  async #round(attributes: AdmissionAttributes): Promise<KubeObject | undefined> {
    let current = attributes;
    for (const plugin of this.#handlers(attributes.operation).mutating) {
      await this.#ready(plugin, attributes);
      const changed = await this.#timed(plugin, 'admit', attributes, () => plugin.admit(current));
      if (changed !== undefined) current = { ...current, object: changed };
    }
    return current.object;
  }

  async #timed<T>(
    plugin: AdmissionPlugin,
    step: 'admit' | 'validate',
    { operation }: AdmissionAttributes,
    run: () => T | Promise<T>,
  ): Promise<T> {
    const started = this.#clock.monotonic();
    let rejected = true;
    try {
      const result = await run();
      rejected = false;
      return result;
    } finally {
      this.#metrics.plugins.observe(this.#clock.monotonic() - started, plugin.name, step, operation, String(rejected));
    }
  }

  /** @throws StatusError of the first plugin that refuses */
  async validate(attributes: AdmissionAttributes): Promise<void> {
    const started = this.#clock.monotonic();
    let rejected = true;
    try {
      for (const plugin of this.#handlers(attributes.operation).validating) {
        await this.#ready(plugin, attributes);
        await this.#timed(plugin, 'validate', attributes, () => plugin.validate(attributes));
      }
      rejected = false;
    } finally {
      this.#metrics.steps.observe(this.#clock.monotonic() - started, 'validate', attributes.operation, String(rejected));
    }
  }

  /** For operations whose object cannot change: all plugins, mutating ones first. */
  async judge(attributes: AdmissionAttributes): Promise<void> {
    await this.mutate(attributes);
    await this.validate(attributes);
  }

  #handlers(operation: Operation): Handlers {
    return this.#byOperation.get(operation) as Handlers;
  }

  async #ready(plugin: MutatingPlugin | ValidatingPlugin, { resource, name }: AdmissionAttributes): Promise<void> {
    const ready = plugin.ready?.() ?? true;
    if (ready === true) return;
    const settled =
      ready === false ? false : await Promise.race([ready.then(() => true), wait(this.#clock, READY_TIMEOUT_MS).then(() => false)]);
    if (!settled) throw forbidden(resource, name, 'not yet ready to handle request');
  }
}
