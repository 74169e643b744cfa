// What one Pod Security check is, and the words checks share.
// Source: pod-security-admission policy checks.go, helpers.go, visitor.go.
import type { Container, EphemeralContainer, PodSpec } from '#api/types.ts';

export interface PodMetadata {
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Why a pod is not allowed. */
export interface Finding {
  /** `host namespaces`: for many pods at once. */
  readonly reason: string;
  /** `hostNetwork=true`: for one pod. */
  readonly detail: string;
}

export type CheckPod = (spec: PodSpec, metadata: PodMetadata) => Finding | undefined;

export interface VersionedCheck {
  /** From this minor version of the policy on, until the next entry's. */
  readonly since: number;
  readonly check: CheckPod;
  /** Baseline checks that the restricted level leaves to this one. */
  readonly overrides?: readonly string[];
}

export interface Check {
  readonly id: string;
  readonly versions: readonly VersionedCheck[];
}

export type AnyContainer = Container | EphemeralContainer;

/** In the order upstream visits them. */
export function containersOf({ initContainers = [], containers, ephemeralContainers = [] }: PodSpec): readonly AnyContainer[] {
  return [...initContainers, ...containers, ...ephemeralContainers];
}

export const quoted = (names: readonly string[]): string => `"${names.join('", "')}"`;

export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);

/** `container "a"`, `containers "a", "b"`. */
export const containerList = (names: readonly string[]): string => `${plural('container', 'containers', names.length)} ${quoted(names)}`;

/** `pod and containers "a", "b"`: who set something. Empty when nobody did. */
export function setters(pod: boolean, containers: readonly string[]): string {
  return [...(pod ? ['pod'] : []), ...(containers.length === 0 ? [] : [containerList(containers)])].join(' and ');
}

export const namesWhere = (spec: PodSpec, test: (container: AnyContainer) => boolean): readonly string[] =>
  containersOf(spec)
    .filter(test)
    .map(({ name }) => name);

/** Distinct values in the order upstream prints a set. */
export const sorted = (values: Iterable<string>): readonly string[] => [...new Set(values)].toSorted();

/** In a user namespace of its own, root is nobody in particular. Source: relaxPolicyForUserNamespacePod. */
export const inUserNamespace = ({ hostUsers }: PodSpec): boolean => hostUsers === false;

export const isWindows = ({ os }: PodSpec): boolean => os?.name === 'windows';
