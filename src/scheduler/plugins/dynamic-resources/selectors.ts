// pure
// Expressions over devices, compiled once, and devices as they see them. Source: dynamic-resource-allocation/cel compile.go.
import { compileDeviceProgram, MAX_DEVICE_COST, type DeviceProgram } from '#api/expressions/devices.ts';
import { EvaluationError } from '#apimachinery/cel/errors.ts';
import type { Value } from '#apimachinery/cel/contract.ts';
import { toQuantity } from '#apimachinery/cel/library/quantity.ts';
import { toSemver } from '#apimachinery/cel/library/semver.ts';
import { MapValue } from '#apimachinery/cel/values/values.ts';
import type { DeviceAttribute, DeviceSelector } from '#api/gen/resource-v1.ts';
import { Lru } from '#base/lru.ts';
import type { PublishedDevice } from './pools.ts';

/** Expressions kept. */
const KEPT = 1000;

/** What is wrong with an expression, or with a device it was asked about. */
export class SelectorFault extends Error {
  override readonly name = 'SelectorFault';
}

/** Devices as expressions see them, and expressions ready to be asked. */
export class DeviceSelectors {
  readonly #programs = new Lru<string, DeviceProgram>(KEPT);
  readonly #values = new WeakMap<object, Value>();

  /** Whether all of them take the device. @param owner `class gpu`, `claim ns/name`; @throws SelectorFault */
  match(owner: string, selectors: readonly DeviceSelector[] | undefined, published: PublishedDevice): boolean {
    return (selectors ?? []).every((selector, i) => this.#matches(`${owner}: selector #${i}`, selector, published));
  }

  #matches(asked: string, { cel }: DeviceSelector, published: PublishedDevice): boolean {
    if (cel === undefined) throw new SelectorFault(`${asked}: CEL expression empty (unsupported selector type?)`);
    const compiled = this.#compiled(cel.expression);
    if (compiled.kind === 'invalid') throw new SelectorFault(`${asked}: CEL compile error: ${compiled.error}`);
    try {
      const { value } = compiled.program.evaluate({ device: this.#valueOf(published) }, { costLimit: MAX_DEVICE_COST });
      if (typeof value === 'boolean') return value;
      throw new SelectorFault(`${asked}: CEL result of type ${typeof value}, expected bool`);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      throw new SelectorFault(`${asked}: CEL runtime error: ${error.message}`);
    }
  }

  #compiled(source: string): DeviceProgram {
    const known = this.#programs.get(source);
    if (known !== undefined) return known;
    const made = compileDeviceProgram(source);
    this.#programs.set(source, made);
    return made;
  }

  #valueOf({ device, slice }: PublishedDevice): Value {
    let value = this.#values.get(device);
    if (value === undefined) {
      const { driver } = slice.spec;
      const { attributes = {}, capacity = {}, allowMultipleAllocations = false } = device;
      value = {
        driver,
        allowMultipleAllocations,
        attributes: byDomain(attributes, driver, attributeValue),
        capacity: byDomain(capacity, driver, (amount) => toQuantity(amount.value)),
      };
      this.#values.set(device, value);
    }
    return value;
  }
}

function attributeValue({ int, bool, string, version, ints, bools, strings, versions }: DeviceAttribute): Value {
  const single = int ?? bool ?? string ?? (version === undefined ? undefined : toSemver(version));
  return single ?? ints ?? bools ?? strings ?? versions?.map((each) => toSemver(each)) ?? null;
}

/** Names without a domain are the driver's own. */
function byDomain<T>(members: Readonly<Record<string, T>>, driver: string, valueOf: (member: T) => Value): Value {
  const domains = new DomainMap();
  for (const [qualified, member] of Object.entries(members)) {
    const slash = qualified.indexOf('/');
    const domain = slash === -1 ? driver : qualified.slice(0, slash);
    const names = domains.names(domain);
    names[qualified.slice(slash + 1)] = valueOf(member);
  }
  return domains;
}

/** Of a domain that a device says nothing of, no name is known: that is no error. Source: newStringInterfaceMapWithDefault. */
class DomainMap extends MapValue {
  names(domain: string): Record<string, Value> {
    const known = super.get(domain);
    if (known !== undefined) return known as Record<string, Value>;
    const made: Record<string, Value> = {};
    this.set(domain, made);
    return made;
  }

  override get(domain: Value): Value {
    return super.get(domain) ?? NO_NAMES;
  }
}

const NO_NAMES: Value = {};
