// What is wrong with a configuration: fields it does not have, and values that are not right. Source: runtime
// NewStrictDecodingError, kube-scheduler/config/v1 DecodeNestedObjects.
import { aggregateText, type FieldError } from '#apimachinery/field-errors.ts';

export class Faults {
  readonly #errors: FieldError[] = [];
  readonly #unknown: string[] = [];

  add(error: FieldError): void {
    this.#errors.push(error);
  }

  /** `at`: the path of a field that is not known. */
  addUnknown(at: string): void {
    this.#unknown.push(at);
  }

  /** `undefined` when there are none. What cannot be decoded is not looked at further, as upstream does. */
  get text(): string | undefined {
    if (this.#unknown.length > 0) return `strict decoding error: ${strictErrors(this.#unknown).join(', ')}`;
    return this.#errors.length > 0 ? aggregateText(this.#errors) : undefined;
  }
}

const ARGUMENT = /^(profiles\[\d+\]\.pluginConfig\[\d+\])\.args\.(.+)$/;

/** Arguments of each plugin are decoded by themselves, after the rest. */
function strictErrors(unknown: readonly string[]): readonly string[] {
  const own: string[] = [];
  const nested = new Map<string, string[]>();
  for (const at of unknown) {
    const [, plugin, field] = ARGUMENT.exec(at) ?? [];
    if (plugin === undefined || field === undefined) own.push(`unknown field "${at}"`);
    else nested.set(plugin, [...(nested.get(plugin) ?? []), `unknown field "${field}"`]);
  }
  return [...own, ...Array.from(nested, ([plugin, fields]) => `decoding .${plugin}: strict decoding error: ${fields.join(', ')}`)];
}
