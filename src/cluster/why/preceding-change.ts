// pure
// What was changed before something went wrong: revisions of the pod's template, and what the pod reads.
import type { CauseKind, PrecedingChange } from './contract.ts';

/** A template the pod's owner had, or has. */
export interface Revision {
  /** `Deployment web, revision 3`. */
  readonly object: string;
  readonly number: number;
  /** RFC 3339. */
  readonly time: string;
  readonly template: unknown;
}

export interface ChangeOptions {
  readonly kind: CauseKind;
  /** The revision the pod is of, and those before it. */
  readonly revisions: readonly Revision[];
  /** ConfigMaps and Secrets the pod reads, with the time each was last written. */
  readonly read: readonly { readonly object: string; readonly time: string }[];
  /** When the pod was made, and when the failure began, if that is known. RFC 3339. */
  readonly created: string;
  readonly since?: string;
}

/** Parts of a template that have to do with a cause, as paths begin or contain. */
const CONCERNS: Readonly<Partial<Record<CauseKind, RegExp>>> = {
  image: /\.image|imagePullSecrets|imagePullPolicy/,
  scheduling: /resources|nodeSelector|affinity|tolerations|topologySpread|hostPort|ports|volumes|scheduler|priority/,
  probe: /Probe|ports|image|command|args|env/,
  crash: /image|command|args|env|resources|securityContext|volume/,
  configuration: /env|volume|securityContext|command|image/,
  volume: /volume/,
  refused: /resources|securityContext|replicas|host/,
};

/**
 * A new template that touches what failed goes before anything else; else the latest change before the failure. Undefined when
 * nothing is known to have changed.
 */
export function precedingChange({ kind, revisions, read, created, since }: ChangeOptions): PrecedingChange | undefined {
  const ordered = revisions.toSorted((a, b) => a.number - b.number);
  const [current, before] = [ordered.at(-1), ordered.at(-2)];
  const differences = current === undefined || before === undefined ? [] : differencesOf(before.template, current.template);
  const rollout =
    current === undefined || differences.length === 0 ? undefined : { object: current.object, time: current.time, differences };
  const concern = CONCERNS[kind];
  const concerning = differences.filter((difference) => concern?.test(difference) === true);
  if (rollout !== undefined && concerning.length > 0) return { ...rollout, differences: concerning };
  // What the pod had read before it failed counts only when it was written after the rollout or after the pod was made.
  const until = since ?? '9999';
  const written = read.filter(({ time }) => time > (rollout?.time ?? '') && time <= until && (rollout !== undefined || time > created));
  const latest = written.toSorted((a, b) => (a.time < b.time ? 1 : -1))[0];
  return latest === undefined ? rollout : { object: latest.object, time: latest.time, differences: [] };
}

const MOST_DIFFERENCES = 20;
const MOST_TEXT = 120;

/** `spec.containers[web].image: nginx:1 → nginx:2`. Items with names are told apart by them. */
export function differencesOf(before: unknown, after: unknown): readonly string[] {
  const found: string[] = [];
  compare(before, after, '', found);
  return found.filter((text) => !text.includes('pod-template-hash')).slice(0, MOST_DIFFERENCES);
}

function compare(before: unknown, after: unknown, path: string, found: string[]): void {
  if (before === after || JSON.stringify(before) === JSON.stringify(after)) return;
  const [a, b] = [entriesOf(before), entriesOf(after)];
  if (a === undefined || b === undefined) {
    found.push(`${path}: ${shown(before)} → ${shown(after)}`);
    return;
  }
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const next = key.startsWith('[') || path === '' ? `${path}${key}` : `${path}.${key}`;
    compare(a.get(key), b.get(key), next, found);
  }
}

function entriesOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const nameOf = (item: unknown): unknown => (typeof item === 'object' && item !== null && 'name' in item ? item.name : undefined);
  return new Map(value.map((item: unknown, i) => [`[${String(nameOf(item) ?? i)}]`, item]));
}

function shown(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;
}
