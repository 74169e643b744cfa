// Selectors of devices: what they may refer to, whether they may be stored, and programs that are asked about devices.
// Source: dynamic-resource-allocation/cel compile.go; resource/validation validateCELSelector.
import type { Environment, Program } from '#apimachinery/cel/contract.ts';
import { createEnvironment } from '#apimachinery/cel/environment.ts';
import { CompileError } from '#apimachinery/cel/errors.ts';
import { QUANTITY } from '#apimachinery/cel/library/quantity.ts';
import { ANY, BOOL, mapOf, objectOf, sameType, showType, STRING, type Type } from '#apimachinery/cel/types.ts';

/** Units of cost a selector may take for one device. Source: CELSelectorExpressionMaxCost. */
export const MAX_DEVICE_COST = 1_000_000;
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
  capacity: byDomain(QUANTITY),
  allowMultipleAllocations: BOOL,
});

let made: Environment | undefined;
const environment = (): Environment => (made ??= createEnvironment({ variables: { device: DEVICE }, bindings: true }));

export type DeviceProgram =
  | { readonly kind: 'program'; readonly program: Program }
  /** It does not say what a selector says. */
  | { readonly kind: 'invalid'; readonly error: string };

/** A selector as it is asked about a device, whatever it may cost. */
export function compileDeviceProgram(source: string): DeviceProgram {
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
  return { kind: 'program', program };
}

export type CompiledSelector =
  | DeviceProgram
  /** It could cost too much. */
  | { readonly kind: 'complex'; readonly error: string };

/** A selector as it may be stored. */
export function compileSelector(source: string): CompiledSelector {
  const compiled = compileDeviceProgram(source);
  if (compiled.kind === 'program' && compiled.program.estimateCost().max > MAX_DEVICE_COST)
    return { kind: 'complex', error: 'too complex, exceeds cost limit' };
  return compiled;
}
