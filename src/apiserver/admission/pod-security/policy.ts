// Which level a namespace holds its pods to, by its labels; and which checks that means. Pure.
// Source: pod-security-admission api helpers.go PolicyToEvaluate, policy registry.go.
import { invalid, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import type { PodSpec } from '#api/types.ts';
import { BASELINE_CHECKS } from './baseline.ts';
import type { Check, CheckPod, Finding, PodMetadata, VersionedCheck } from './check.ts';
import { RESTRICTED_CHECKS } from './restricted.ts';

/** From loose to strict. */
const LEVELS = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof LEVELS)[number];

export interface LevelVersion {
  readonly level: Level;
  /** Minor version of the policy; undefined: latest. */
  readonly minor: number | undefined;
}

export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

export const PREFIX = 'pod-security.kubernetes.io/';

const PRIVILEGED: LevelVersion = { level: 'privileged', minor: undefined };
/** Where nobody says anything. Source: admission api v1 SetDefaults_PodSecurityDefaults. */
export const DEFAULT_POLICY: Policy = { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED };

export const policyText = ({ level, minor }: LevelVersion): string => `${level}:${minor === undefined ? 'latest' : `v1.${minor}`}`;

export const sameLevel = (a: LevelVersion, b: LevelVersion): boolean => a.level === b.level && a.minor === b.minor;

/** Positive when `a` is stricter. */
export const compareLevels = (a: Level, b: Level): number => LEVELS.indexOf(a) - LEVELS.indexOf(b);

export const isPrivileged = ({ level }: LevelVersion): boolean => level === 'privileged';

/** Source: pod-security-admission api ParseLevel. */
export const readLevel = (text: string): Level | undefined => LEVELS.find((one) => one === text);
export const LEVEL_PROBLEM = `must be one of ${LEVELS.join(', ')}`;

/** Undefined is the latest. Source: pod-security-admission api ParseVersion. */
export function readMinor(text: string): number | undefined | 'wrong' {
  if (text === 'latest') return undefined;
  const match = /^v1\.(\d|[1-9]\d*)$/.exec(text);
  return match === null ? 'wrong' : Number(match[1]);
}
export const VERSION_PROBLEM = 'must be "latest" or "v1.x"';

type Labels = Readonly<Record<string, string>>;

/** A policy is there even when labels are wrong: enforcement then is as strict as can be, warnings and audit are off. */
export function policyOf(
  labels: Labels = {},
  defaults: Policy = DEFAULT_POLICY,
): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  const level = (mode: keyof Policy, fallback: Level): Level => {
    const given = labels[`${PREFIX}${mode}`];
    if (given === undefined) return defaults[mode].level;
    const known = readLevel(given);
    if (known === undefined) errors.push(problem(`${PREFIX}${mode}`, given, LEVEL_PROBLEM));
    return known ?? fallback;
  };
  const minor = (mode: keyof Policy): number | undefined => {
    const given = labels[`${PREFIX}${mode}-version`];
    if (given === undefined) return defaults[mode].minor;
    const known = readMinor(given);
    if (known === 'wrong') errors.push(problem(`${PREFIX}${mode}-version`, given, VERSION_PROBLEM));
    return known === 'wrong' ? undefined : known;
  };
  const read = (mode: keyof Policy, fallback: Level): LevelVersion => ({ level: level(mode, fallback), minor: minor(mode) });
  const policy = { enforce: read('enforce', 'restricted'), audit: read('audit', 'privileged'), warn: read('warn', 'privileged') };
  return { policy: { ...policy, warn: warning(policy, labels) }, errors };
}

const problem = (label: string, value: string, detail: string): FieldError =>
  invalid(Path.of('metadata', 'labels').key(label), value, detail);

/** Who enforces more than warned of is warned of that too. */
function warning({ enforce, warn }: Policy, labels: Labels): LevelVersion {
  const enforced = LEVELS.some((level) => level === labels[`${PREFIX}enforce`]);
  if (labels[`${PREFIX}warn`] !== undefined || !enforced || compareLevels(enforce.level, warn.level) <= 0) return warn;
  return { level: enforce.level, minor: labels[`${PREFIX}warn-version`] === undefined ? enforce.minor : warn.minor };
}

/** The last policy version with a change of its own; later ones, and the latest, are equal to it. */
const NEWEST = Math.max(...[...BASELINE_CHECKS, ...RESTRICTED_CHECKS].flatMap(({ versions }) => versions.map(({ since }) => since)));

const compiled = new Map<string, readonly CheckPod[]>();

/** Checks in the order of their ids, baseline ones first. */
function checksFor({ level, minor = NEWEST }: LevelVersion): readonly CheckPod[] {
  if (level === 'privileged') return [];
  const at = Math.min(minor, NEWEST);
  const key = `${level} ${at}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const inForce = (checks: readonly Check[]): readonly (readonly [string, VersionedCheck])[] =>
    checks
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .flatMap(({ id, versions }) => {
        const version = versions.findLast(({ since }) => since <= at);
        return version === undefined ? [] : [[id, version] as const];
      });
  const restricted = level === 'restricted' ? inForce(RESTRICTED_CHECKS) : [];
  const overridden = new Set(restricted.flatMap(([, { overrides = [] }]) => overrides));
  const baseline = inForce(BASELINE_CHECKS).filter(([id]) => !overridden.has(id));
  const checks = [...baseline, ...restricted].map(([, { check }]) => check);
  compiled.set(key, checks);
  return checks;
}

/** All that is wrong with a pod at a level; empty when it is allowed. */
export function evaluatePod(at: LevelVersion, spec: PodSpec, metadata: PodMetadata): readonly Finding[] {
  return checksFor(at).flatMap((check) => check(spec, metadata) ?? []);
}

/** `host namespaces (hostPID=true), privileged (…)`. Source: AggregateCheckResult.ForbiddenDetail. */
export const detailText = (findings: readonly Finding[]): string =>
  findings.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');

/** Source: AggregateCheckResult.ForbiddenReason. */
export const reasonText = (findings: readonly Finding[]): string => findings.map(({ reason }) => reason).join(', ');
