// pure
// Options of the static policy. Source: cpumanager/policy_options.go at v1.36.

export class PolicyOptionError extends Error {
  override readonly name = 'PolicyOptionError';
}

export interface StaticPolicyOptions {
  /** Whole cores only: no core has threads of two containers. */
  readonly fullPhysicalCpusOnly: boolean;
  readonly distributeAcrossNuma: boolean;
  /** Within a socket is as good as within a NUMA node. */
  readonly alignBySocket: boolean;
  readonly distributeAcrossCores: boolean;
  /** Pods without CPUs of their own do not run on reserved ones either. */
  readonly strictReservation: boolean;
  readonly alignByUncoreCache: boolean;
}

const NAMES = {
  'full-pcpus-only': 'fullPhysicalCpusOnly',
  'distribute-cpus-across-numa': 'distributeAcrossNuma',
  'align-by-socket': 'alignBySocket',
  'distribute-cpus-across-cores': 'distributeAcrossCores',
  'strict-cpu-reservation': 'strictReservation',
  'prefer-align-cpus-by-uncorecache': 'alignByUncoreCache',
} as const satisfies Readonly<Record<string, keyof StaticPolicyOptions>>;

type Name = keyof typeof NAMES;

const ALPHA: readonly Name[] = ['align-by-socket', 'distribute-cpus-across-cores'];
const BETA: readonly Name[] = ['distribute-cpus-across-numa', 'prefer-align-cpus-by-uncorecache'];

/** Those that exclude each other. */
const EXCLUSIVE: readonly (readonly [Name, Name])[] = [
  ['full-pcpus-only', 'distribute-cpus-across-cores'],
  ['distribute-cpus-across-numa', 'distribute-cpus-across-cores'],
  ['prefer-align-cpus-by-uncorecache', 'distribute-cpus-across-cores'],
  ['prefer-align-cpus-by-uncorecache', 'distribute-cpus-across-numa'],
];

/** `gates`: feature gates that were set. @throws PolicyOptionError */
export function staticPolicyOptions(
  given: Readonly<Record<string, string>>,
  gates: Readonly<Record<string, boolean>> = {},
): StaticPolicyOptions {
  const options = Object.fromEntries(Object.values(NAMES).map((field) => [field, false])) as Record<keyof StaticPolicyOptions, boolean>;
  for (const [name, value] of Object.entries(given)) {
    const field = Object.hasOwn(NAMES, name) ? NAMES[name as Name] : undefined;
    if (field === undefined) throw new PolicyOptionError(`unknown CPU Manager Policy option: "${name}"`);
    for (const [stage, names, on] of [
      ['Alpha', ALPHA, false],
      ['Beta', BETA, true],
    ] as const) {
      if ((names as readonly string[]).includes(name) && !(gates[`CPUManagerPolicy${stage}Options`] ?? on))
        throw new PolicyOptionError(`CPU Manager Policy ${stage}-level Options not enabled, but option "${name}" provided`);
    }
    options[field] = parseBool(value, name);
  }
  for (const [a, b] of EXCLUSIVE) {
    if (options[NAMES[a]] && options[NAMES[b]])
      throw new PolicyOptionError(`static policy options ${a} and ${b} can not be used at the same time`);
  }
  return options;
}

/** Source: strconv.ParseBool. */
function parseBool(text: string, name: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  throw new PolicyOptionError(`bad value for option "${name}": strconv.ParseBool: parsing "${text}": invalid syntax`);
}

/** @throws PolicyOptionError where the machine or another manager does not go with them. Source: ValidateStaticPolicyOptions */
export function checkAgainstMachine(
  { alignBySocket }: StaticPolicyOptions,
  { sockets, numaNodes }: { readonly sockets: number; readonly numaNodes: number },
  topologyPolicy: string,
): void {
  if (!alignBySocket) return;
  if (topologyPolicy === 'single-numa-node')
    throw new PolicyOptionError('Topolgy manager single-numa-node policy is incompatible with CPUManager align-by-socket policy option');
  if (sockets > numaNodes)
    throw new PolicyOptionError('Align by socket is not compatible with hardware where number of sockets are more than number of NUMA');
}
