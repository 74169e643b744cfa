// pure
// What extenders are asked and answer, in JSON. Go finds members of an answer whatever their case, so this does too. Source:
// kube-scheduler/extender/v1 types.go.
import type { Node, Pod } from '#api/types.ts';
import type { NodeVictims } from '../framework/plugin.ts';

/** An answer that does not say what it should. */
export class AnswerFault extends Error {
  override readonly name = 'AnswerFault';
}

/** `names`: the extender has nodes of its own. */
export function nodeArgs(pod: Pod, nodes: readonly Node[], names: boolean): unknown {
  return names
    ? { Pod: pod, Nodes: null, NodeNames: nodes.map(({ metadata }) => metadata.name) }
    : { Pod: pod, Nodes: { apiVersion: 'v1', kind: 'NodeList', metadata: {}, items: nodes }, NodeNames: null };
}

export interface FilterAnswer {
  /** Names of nodes that pass. */
  readonly passed: readonly string[];
  /** Reasons by name. */
  readonly failed: Readonly<Record<string, string>>;
  /** Not even evicting pods would help. */
  readonly unresolvable: Readonly<Record<string, string>>;
}

/** `names`: as of nodeArgs; another extender's names are not looked at. @throws AnswerFault, which may be what the extender says itself */
export function readFilterAnswer(answer: unknown, names: boolean): FilterAnswer {
  const error = text(member(answer, 'Error'), 'Error');
  if (error !== '') throw new AnswerFault(error);
  const named = names ? member(answer, 'NodeNames') : undefined;
  return {
    passed: isAbsent(named) ? namesOf(member(answer, 'Nodes')) : list(named, 'NodeNames').map((name) => text(name, 'NodeNames')),
    failed: reasons(member(answer, 'FailedNodes'), 'FailedNodes'),
    unresolvable: reasons(member(answer, 'FailedAndUnresolvableNodes'), 'FailedAndUnresolvableNodes'),
  };
}

function namesOf(nodes: unknown): readonly string[] {
  if (isAbsent(nodes)) return [];
  const items = member(nodes, 'items');
  if (isAbsent(items)) return [];
  return list(items, 'Nodes').map((node) => text(member(member(node, 'metadata'), 'name'), 'Nodes'));
}

/** Scores by node. @throws AnswerFault */
export function readPriorities(answer: unknown): ReadonlyMap<string, number> {
  if (isAbsent(answer)) return new Map();
  return new Map(
    list(answer, 'HostPriorityList').map((item) => {
      const score = member(item, 'Score') ?? 0;
      if (typeof score !== 'number' || !Number.isSafeInteger(score)) throw new AnswerFault('Score is no integer');
      return [text(member(item, 'Host'), 'Host'), score] as const;
    }),
  );
}

/** @throws AnswerFault for what the extender says went wrong */
export function readBindingAnswer(answer: unknown): void {
  const error = text(member(answer, 'Error'), 'Error');
  if (error !== '') throw new AnswerFault(error);
}

/** `identifiers`: the extender has pods of its own. */
export function preemptionArgs(pod: Pod, candidates: readonly NodeVictims[], identifiers: boolean): unknown {
  const victims = (show: (pod: Pod) => unknown) =>
    Object.fromEntries(
      candidates.map(({ node, victims: infos, violations }) => [
        node,
        { Pods: infos.map((info) => show(info.pod)), NumPDBViolations: violations },
      ]),
    );
  return identifiers
    ? { Pod: pod, NodeNameToVictims: null, NodeNameToMetaVictims: victims(({ metadata }) => ({ UID: metadata.uid })) }
    : { Pod: pod, NodeNameToVictims: victims((each) => each), NodeNameToMetaVictims: null };
}

export interface MetaVictims {
  readonly uids: readonly string[];
  readonly violations: number;
}

/** Victims by node. @throws AnswerFault */
export function readPreemptionAnswer(answer: unknown): ReadonlyMap<string, MetaVictims> {
  const byNode = member(answer, 'NodeNameToMetaVictims');
  if (isAbsent(byNode)) return new Map();
  return new Map(
    Object.entries(object(byNode, 'NodeNameToMetaVictims')).map(([node, victims]) => {
      const pods = isAbsent(victims) ? undefined : member(victims, 'Pods');
      const violations = isAbsent(victims) ? 0 : (member(victims, 'NumPDBViolations') ?? 0);
      if (typeof violations !== 'number') throw new AnswerFault('NumPDBViolations is no number');
      const uids = isAbsent(pods) ? [] : list(pods, 'Pods').map((pod) => text(member(pod, 'UID'), 'UID'));
      return [node, { uids, violations }] as const;
    }),
  );
}

const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

function member(value: unknown, name: string): unknown {
  const members = object(value, name);
  if (Object.hasOwn(members, name)) return members[name];
  const key = Object.keys(members).find((other) => other.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : members[key];
}

function object(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new AnswerFault(`${what}: not in an object`);
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new AnswerFault(`${what} is no list`);
  return value;
}

function text(value: unknown, what: string): string {
  if (isAbsent(value)) return '';
  if (typeof value !== 'string') throw new AnswerFault(`${what} is no string`);
  return value;
}

function reasons(value: unknown, what: string): Readonly<Record<string, string>> {
  if (isAbsent(value)) return {};
  return Object.fromEntries(Object.entries(object(value, what)).map(([node, reason]) => [node, text(reason, what)]));
}
