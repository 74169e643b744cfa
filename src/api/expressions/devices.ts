// Selectors of devices: what they may refer to, and whether they may be stored.
// Source: dynamic-resource-allocation/cel compile.go; resource/validation validateCELSelector.
import type { Environment, Program } from '#apimachinery/cel/contract.ts';
import { createEnvironment } from '#apimachinery/cel/environment.ts';
import { CompileError } from '#apimachinery/cel/errors.ts';
import { ANY, BOOL, mapOf, objectOf, sameType, showType, STRING, type Type } from '#apimachinery/cel/types.ts';

/** Units of cost a selector may take for one device. Source: CELSelectorExpressionMaxCost. */
const MAX_COST = 1_000_000;
/** Source: DeviceAttributeMaxValueLength, DeviceMaxDomainLength, DeviceMaxIDLength, DriverNameMaxLength. */
const VALUE_BYTES = 64;
const DOMAIN_BYTES = 63;
const ID_BYTES = 32;
const DRIVER_BYTES = 63;
/** Source: ResourceSliceMaxAttributesAndCapacitiesPerDevice. */
const MAX_ENTRIES = 32;

const sized = <T extends Type>(type: T, maxElements: number): T => ({ ...type, maxElements });

/** Domain, then name: `device.attributes["example.com"].size`. */
const byDomain = (value: Type): Type =>
  sized(mapOf(sized(STRING, DOMAIN_BYTES), sized(mapOf(sized(STRING, ID_BYTES), value), MAX_ENTRIES)), MAX_ENTRIES);

const DEVICE = objectOf('kubernetes.DRADevice', {
  driver: sized(STRING, DRIVER_BYTES),
  attributes: byDomain(sized(ANY, VALUE_BYTES)),
  capacity: byDomain(objectOf('kubernetes.Quantity', {})),
  allowMultipleAllocations: BOOL,
});

let made: Environment | undefined;
const environment = (): Environment => (made ??= createEnvironment({ variables: { device: DEVICE }, bindings: true }));

export type CompiledSelector =
  | { readonly kind: 'program'; readonly program: Program }
  /** `complex`: it could cost too much; `invalid`: it does not say what a selector says. */
  | { readonly kind: 'complex' | 'invalid'; readonly error: string };

export function compileSelector(source: string): CompiledSelector {
  let program: Program;
  try {
    program = environment().compile(source);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { kind: 'invalid', error: `compilation failed: ${error.message}` };
  }
  const { resultType } = program;
  if (!sameType(resultType, BOOL) && resultType.kind !== 'any')
    return { kind: 'invalid', error: `must evaluate to bool or the unknown type, not ${showType(resultType)}` };
  if (program.estimateCost().max > MAX_COST) return { kind: 'complex', error: 'too complex, exceeds cost limit' };
  return { kind: 'program', program };
}
