// pure. What becomes of the APIService of one group version that this server serves itself. Source: checkAPIService.
import type { APIService, CustomResourceDefinition, New } from '#api/types.ts';
import type { GroupInfo } from '#api/schema.ts';
import { semanticEqual } from '#api/validation/semantic-equality.ts';
import { builtInPriority, CUSTOM_PRIORITY, type Priority } from './priorities.ts';

/** Source: AutoRegisterManagedLabel. */
const MANAGED = 'kube-aggregator.kubernetes.io/automanaged';
/** Written once after a start; an administrator may change it afterwards. */
const ON_START = 'onstart';
/** Always kept as it should be. */
const ALWAYS = 'true';

type Spec = New<APIService>['spec'];

export interface Wanted {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: Pick<APIService['spec'], 'group' | 'version' | 'groupPriorityMinimum' | 'versionPriority'>;
}

/** `v1.` for the core group. */
export const serviceName = (group: string, version: string): string => `${version}.${group}`;

function wanted(group: string, version: string, priority: Priority, managed: string): Wanted {
  return {
    metadata: { name: serviceName(group, version), labels: { [MANAGED]: managed } },
    spec: {
      ...(group === '' ? {} : { group }),
      version,
      groupPriorityMinimum: priority.group,
      versionPriority: priority.version,
    },
  };
}

/** By name. Built-in groups win over a definition of the same one. */
export function wantedServices(builtIn: readonly GroupInfo[], crds: Iterable<CustomResourceDefinition>): ReadonlyMap<string, Wanted> {
  const all = new Map<string, Wanted>();
  const add = (one: Wanted): void => void all.set(one.metadata.name, one);
  for (const { spec } of crds)
    for (const { name, served } of spec.versions) if (served) add(wanted(spec.group, name, CUSTOM_PRIORITY, ALWAYS));
  for (const { name, versions } of builtIn) {
    for (const version of versions) {
      const priority = builtInPriority(name, version);
      if (priority !== undefined) add(wanted(name, version, priority, ON_START));
    }
  }
  return all;
}

export type RegistrationStep =
  | { readonly kind: 'leave' }
  | { readonly kind: 'create'; readonly object: Wanted }
  | { readonly kind: 'update'; readonly spec: Spec }
  | { readonly kind: 'delete' };

export interface Registered {
  readonly desired: Wanted | undefined;
  readonly current: APIService | undefined;
  /** It was right once since this server started. */
  readonly settled: boolean;
  /** It was there when this server started: one that came later, another server wrote. */
  readonly presentAtStart: boolean;
}

const LEAVE: RegistrationStep = { kind: 'leave' };

export function planRegistration({ desired, current, settled, presentAtStart }: Registered): RegistrationStep {
  const managed = (one: { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } } | undefined): string =>
    one?.metadata.labels?.[MANAGED] ?? '';
  if (managed(desired) === ON_START && settled) return LEAVE;
  if (current === undefined) return desired === undefined ? LEAVE : { kind: 'create', object: desired };
  const kept = managed(current);
  if (kept !== ON_START && kept !== ALWAYS) return LEAVE;
  if (kept === ON_START && (settled || !presentAtStart)) return LEAVE;
  if (desired === undefined) return { kind: 'delete' };
  return semanticEqual(current.spec, desired.spec) ? LEAVE : { kind: 'update', spec: desired.spec };
}
