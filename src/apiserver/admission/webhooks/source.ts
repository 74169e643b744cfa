// The webhooks of all configurations, configurations in the order of their names. Source: pkg/admission/configuration.
import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '#api/gen/admissionregistration-v1.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { hooksOf, type Hook, type HookPhase } from './hook.ts';

type Configuration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration;

/** Follows the cache: a configuration counts for every write that comes after it was acknowledged. */
export class HookSource {
  readonly #reader: CacheReader;
  readonly #resource: Resource<Configuration>;
  readonly #phase: HookPhase;
  /** By the configuration itself, so that only what changed is prepared again. */
  #prepared = new WeakMap<Configuration, readonly Hook[]>();
  #hooks: readonly Hook[] | undefined;

  constructor(reader: CacheReader, resource: Resource<Configuration>, phase: HookPhase) {
    this.#reader = reader;
    this.#resource = resource;
    this.#phase = phase;
    reader.onChange(resource, () => {
      this.#hooks = undefined;
    });
  }

  hooks(): readonly Hook[] {
    return (this.#hooks ??= this.#collect());
  }

  #collect(): readonly Hook[] {
    const configurations = [...this.#reader.list(this.#resource)].toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    return configurations.flatMap((configuration) => {
      const known = this.#prepared.get(configuration);
      if (known !== undefined) return known;
      const hooks = hooksOf(configuration, this.#phase);
      this.#prepared.set(configuration, hooks);
      return hooks;
    });
  }
}
