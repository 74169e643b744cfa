// pure
// Reads a KubeletConfiguration: strictly, every fault told at once. Source: kubelet.config.k8s.io/v1beta1.
import { isDeepStrictEqual } from 'node:util';
import { Reader, type Faults } from '#apimachinery/configuration-reader.ts';
import { errorText, type FieldError } from '#apimachinery/field-errors.ts';
import { kubeletConfig, type KubeletConfig } from './config.ts';
import { FIELDS } from './fields.ts';
import { OTHER_FIELDS, otherValues } from './other-fields.ts';
import { duration, readFields, type Shape } from './shapes.ts';
import { configurationProblems } from './validation.ts';

/** What is wrong with a configuration, one fault a line. */
export class KubeletConfigurationError extends Error {
  override readonly name = 'KubeletConfigurationError';
}

export interface ReadConfiguration {
  /** What the file sets. A field with a zero that upstream takes for none is not set. */
  readonly config: Partial<KubeletConfig>;
  /** Fields that are not looked at and that the file sets to something else than their default. */
  readonly unused: readonly string[];
}

const API_VERSION = 'kubelet.config.k8s.io/v1beta1';

/** Those with a part of their own here. */
const OWN = ['apiVersion', 'kind', 'crashLoopBackOff'];

const SHAPES: Readonly<Record<string, readonly [Shape<unknown>]>> = Object.fromEntries(
  Object.entries(FIELDS).map(([name, shape]) => [name, [shape] as const]),
);

/** @param value the decoded file. @throws KubeletConfigurationError */
export function readKubeletConfiguration(value: unknown, machine: { readonly cgroupV1?: boolean } = {}): ReadConfiguration {
  const errors: FieldError[] = [];
  const unknown: string[] = [];
  const faults: Faults = { add: (error) => void errors.push(error), addUnknown: (at) => void unknown.push(at) };
  const reader = new Reader(value, faults).object(...OWN, ...Object.keys(FIELDS), ...Object.keys(OTHER_FIELDS));
  if (reader.field('kind').text('') !== 'KubeletConfiguration' || reader.field('apiVersion').text('') !== API_VERSION)
    throw new KubeletConfigurationError(`it is no KubeletConfiguration of ${API_VERSION}`);
  const others = readFields(reader, OTHER_FIELDS);
  const restarts = readFields(reader.field('crashLoopBackOff').object('maxContainerRestartPeriod'), {
    maxContainerRestartPeriod: [{ ...duration, isUnset: () => false }],
  });
  const given: Partial<KubeletConfig> = { ...readFields(reader, SHAPES), ...restarts, others };
  const config = withDependentDefaults(given, others['mergeDefaultEvictionSettings'] === true);
  const complete = kubeletConfig({ ...config, nodeName: '' });
  const found = [
    ...(unknown.length === 0 ? [] : [`strict decoding error: ${unknown.map((at) => `unknown field "${at}"`).join(', ')}`]),
    ...errors.map(errorText),
    ...(errors.length === 0 ? configurationProblems({ config: complete, others: otherValues(others), ...machine }) : []),
  ];
  if (found.length > 0) throw new KubeletConfigurationError(found.join('\n'));
  return { config, unused: unusedOf(others) };
}

/** What is looked at, although it has no setting of its own. */
const LOOKED_AT = ['mergeDefaultEvictionSettings', 'failCgroupV1', 'featureGates', 'singleProcessOOMKill', 'memorySwap'];

function unusedOf(others: Readonly<Record<string, unknown>>): readonly string[] {
  const defaults: Readonly<Record<string, unknown>> = otherValues({});
  return Object.keys(others).filter((name) => !LOOKED_AT.includes(name) && !isDeepStrictEqual(others[name], defaults[name]));
}

/** Defaults that follow from what is given. Source: SetDefaults_KubeletConfiguration, mergeKubeletConfigurations. */
function withDependentDefaults(given: Partial<KubeletConfig>, mergeEvictions: boolean): Partial<KubeletConfig> {
  const { nodeStatusUpdateFrequency: update, maxParallelImagePulls: pulls } = given;
  const { evictionHard } = kubeletConfig({ nodeName: '' });
  return {
    ...(update === undefined ? {} : { nodeStatusReportFrequency: update }),
    ...(pulls === undefined || pulls < 2 ? {} : { serializeImagePulls: false }),
    ...given,
    ...(mergeEvictions ? { evictionHard: { ...evictionHard, ...given.evictionHard } } : {}),
  };
}
