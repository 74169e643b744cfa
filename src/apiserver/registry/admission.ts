// Runs the admission plugins around one write.
import { readOwners } from '#apimachinery/apply/owners.ts';
import { FieldSetError } from '#apimachinery/apply/path-element.ts';
import { forbidden } from '#apimachinery/errors.ts';
import type { KubeObject } from '#api/types.ts';
import { wait, type Clock } from '#base/clock.ts';
import type { Histogram, HistogramFamily } from '#base/metrics.ts';
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

/** A plugin, and where the time it takes is counted. */
interface Step<P> {
  readonly plugin: P;
  readonly took: Took;
}

type Took = (ms: number, rejected: boolean) => void;

interface Handlers {
  readonly mutating: readonly Step<MutatingPlugin>[];
  readonly validating: readonly Step<ValidatingPlugin>[];
  readonly mutated: Took;
  readonly validated: Took;
}

function tookOf(family: HistogramFamily, ...labels: readonly string[]): Took {
  // A series is shown from its first value on, and is not looked up again.
  const series: Partial<Record<'true' | 'false', Histogram>> = {};
  return (ms, wasRejected) => {
    const rejected = wasRejected ? 'true' : 'false';
    (series[rejected] ??= family.of(...labels, rejected)).observe(ms / 1_000);
  };
}

const admit = (plugin: MutatingPlugin, attributes: AdmissionAttributes): ReturnType<MutatingPlugin['admit']> => plugin.admit(attributes);
const validate = (plugin: ValidatingPlugin, attributes: AdmissionAttributes): ReturnType<ValidatingPlugin['validate']> =>
  plugin.validate(attributes);

/** Asks a plugin; what answers at once costs no turn of the event loop. */
function timed<P, R>(
  { plugin, took }: Step<P>,
  ask: (plugin: P, attributes: AdmissionAttributes) => R | Promise<R>,
  attributes: AdmissionAttributes,
  clock: Clock,
): R | Promise<R> {
  const started = clock.monotonic();
  let answer: R | Promise<R>;
  try {
    answer = ask(plugin, attributes);
  } catch (error) {
    took(clock.monotonic() - started, true);
    throw error;
  }
  if (answer instanceof Promise) return awaited(took, clock, started, answer);
  took(clock.monotonic() - started, false);
  return answer;
}

async function awaited<T>(took: Took, clock: Clock, started: number, answer: Promise<T>): Promise<T> {
  let rejected = true;
  try {
    const value = await answer;
    rejected = false;
    return value;
  } finally {
    took(clock.monotonic() - started, rejected);
  }
}

/** What plugins may have got wrong. Source: fieldmanager.NewManagedFieldsValidatingAdmissionController. */
function repaired(object: KubeObject, { object: before, request }: AdmissionAttributes): KubeObject {
  if ((object.metadata as Partial<KubeObject>['metadata']) === undefined) return object; // options of a connection
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

  constructor(chain: AdmissionChain, clock: Clock, { plugins, steps }: AdmissionMetrics) {
    this.#clock = clock;
    this.#byOperation = new Map(
      OPERATIONS.map((operation) => {
        const handling = <P extends AdmissionPlugin>(all: readonly P[], type: string): readonly Step<P>[] =>
          all
            .filter((plugin) => plugin.operations.includes(operation))
            .map((plugin) => ({ plugin, took: tookOf(plugins, plugin.name, type, operation) }));
        return [
          operation,
          {
            mutating: handling(chain.mutating, 'admit'),
            validating: handling(chain.validating, 'validate'),
            mutated: tookOf(steps, 'admit', operation),
            validated: tookOf(steps, 'validate', operation),
          },
        ];
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
    const { mutated } = this.#handlers(attributes.operation);
    const object = await awaited(mutated, this.#clock, this.#clock.monotonic(), this.#rounds(attributes));
    return object === undefined || object === attributes.object ? object : repaired(object, attributes);
  }

  async #rounds(attributes: AdmissionAttributes): Promise<KubeObject | undefined> {
    const memory = new Map<string, unknown>();
    let again = false;
    const runAgain = (): void => {
      again = true;
    };
    const object = await this.#round({ ...attributes, rounds: { round: 0, runAgain, memory } });
    return again ? this.#round({ ...attributes, object, rounds: { round: 1, runAgain, memory } }) : object;
  }

  /** Each mutating plugin once. */
  async #round(attributes: AdmissionAttributes): Promise<KubeObject | undefined> {
    let current = attributes;
    for (const step of this.#handlers(attributes.operation).mutating) {
      if (step.plugin.ready !== undefined) await this.#ready(step.plugin, attributes);
      const answer = timed(step, admit, current, this.#clock);
      const changed = answer instanceof Promise ? await answer : answer;
      if (changed !== undefined) current = { ...current, object: changed };
    }
    return current.object;
  }

  /** @throws StatusError of the first plugin that refuses */
  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { validated } = this.#handlers(attributes.operation);
    await awaited(validated, this.#clock, this.#clock.monotonic(), this.#validations(attributes));
  }

  async #validations(attributes: AdmissionAttributes): Promise<void> {
    for (const step of this.#handlers(attributes.operation).validating) {
      if (step.plugin.ready !== undefined) await this.#ready(step.plugin, attributes);
      const answer = timed(step, validate, attributes, this.#clock);
      if (answer instanceof Promise) await answer;
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
