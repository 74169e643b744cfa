// pure
// What would help against a cause, as far as its evidence says so; unlike changes for the scheduler these are not tried.
import { parseQuantity } from '#apimachinery/quantity.ts';
import { nearestName } from '#scheduler/explain/similar.ts';
import type { Pod } from '#api/types.ts';
import type { Cause } from './contract.ts';

/** Something that the evidence says is missing. */
export interface Missing {
  readonly kind: 'ConfigMap' | 'Secret' | 'ServiceAccount' | 'PriorityClass' | 'Image';
  readonly name: string;
  /** Of a key: the object is there, and lacks it. */
  readonly key?: string;
}

const PATTERNS: readonly (readonly [RegExp, (found: readonly string[]) => Missing])[] = [
  [
    /couldn't find key (\S+) in (ConfigMap|Secret) [^/\s]+\/(\S+)/,
    ([, key, kind, name]) => ({ kind: kind as 'Secret', name: name ?? '', key: key ?? '' }),
  ],
  [
    /references non-existent (config|secret) key: (\S+)/,
    ([, kind, key]) => ({ kind: kind === 'config' ? 'ConfigMap' : 'Secret', name: '', key: key ?? '' }),
  ],
  [/configmap "([^"]+)" not found/, ([, name]) => ({ kind: 'ConfigMap', name: name ?? '' })],
  [/secret "([^"]+)" not found/, ([, name]) => ({ kind: 'Secret', name: name ?? '' })],
  [/serviceaccount "([^"]+)" not found/, ([, name]) => ({ kind: 'ServiceAccount', name: name ?? '' })],
  [/no PriorityClass with name (\S+) was found/, ([, name]) => ({ kind: 'PriorityClass', name: name ?? '' })],
];

/** `undefined` when nothing is said to be missing. */
export function missingBy({ kind, evidence, container }: Cause, pod: Pod | undefined): Missing | undefined {
  if (kind === 'image') {
    const containers = [...(pod?.spec.initContainers ?? []), ...(pod?.spec.containers ?? [])];
    const image = containers.find(({ name }) => name === container)?.image;
    return image === undefined ? undefined : { kind: 'Image', name: image };
  }
  for (const { text } of evidence) {
    for (const [pattern, read] of PATTERNS) {
      const found = pattern.exec(text);
      if (found !== null) return read(found);
    }
  }
  return undefined;
}

/** `known`: names there are instead, of keys where a key is missing. */
export function insteadOf({ kind, name, key }: Missing, known: readonly string[]): readonly string[] {
  if (kind === 'Image') return imageInstead(name, known);
  const meant = nearestName(key ?? name, known);
  const other = meant === undefined ? '' : `, or name ${meant} instead, which ${key === undefined ? 'is there' : 'it has'}`;
  if (key === undefined) return [`make ${kind} ${name}${other}`];
  return [`put the key ${key} into ${name === '' ? `the ${kind}` : `${kind} ${name}`}${other}`];
}

function imageInstead(name: string, known: readonly string[]): readonly string[] {
  const others = known.filter((image) => !image.includes('@'));
  const own = others.find((image) => taggedOf(image) === taggedOf(name));
  // Only a policy asks a registry for what is there: Always, which is also the default of the tag latest.
  if (own !== undefined) return [`set imagePullPolicy IfNotPresent, as the node has image ${own}`];
  const repository = repositoryOf(name);
  const tags = others.filter((image) => repositoryOf(image) === repository);
  const meant = tags[0] ?? nearestName(name, others);
  return meant === undefined ? [] : [`name image ${meant}, which the node has`];
}

const taggedOf = (image: string): string => {
  const repository = repositoryOf(image);
  return `${repository}:${/:[^/:]*$/.exec(image)?.[0].slice(1) ?? 'latest'}`;
};

const repositoryOf = (image: string): string => image.replace(/:[^/:]*$/, '').replace(/^docker\.io\/(library\/)?/, '');

/** What needs no look at anything else. */
export function remediesFor({ kind, container, summary, evidence }: Cause, pod: Pod | undefined): readonly string[] {
  if (kind === 'crash' && summary.includes('more memory than its limit')) {
    const limit = pod?.spec.containers.find(({ name }) => name === container)?.resources?.limits?.['memory'];
    return limit === undefined ? [] : [`raise the memory limit of container ${container}, which is ${limit}`];
  }
  return kind === 'refused' ? quotaRemedies(evidence[0]?.text ?? '') : [];
}

/** `exceeded quota: q, requested: cpu=1, used: cpu=3, limited: cpu=3`. Source: resourcequota admission checkRequest. */
function quotaRemedies(text: string): readonly string[] {
  const [quota, requested, used, limited] = between(text, ['exceeded quota: ', ', requested: ', ', used: ', ', limited: ']);
  if (quota !== undefined) {
    const [wanted, inUse, hard] = [requested, used, limited].map((list) => amounts(list ?? ''));
    return [...(wanted ?? [])].map(([name, amount]) => {
      const [use, most] = [parseQuantity(inUse?.get(name) ?? '0'), parseQuantity(hard?.get(name) ?? '0')];
      const needed = use.add(parseQuantity(amount));
      return `raise ${name} of ResourceQuota ${quota} from ${most.toString()} to ${needed.toString()}, or ask for ${needed.sub(most).toString()} less`;
    });
  }
  const [failed, missing] = between(text, ['failed quota: ', ': must specify ']);
  if (failed === undefined) return [];
  return (missing ?? '')
    .split('; ')
    .map((each) => `set ${each.replace(' for: ', ' of ')} (ResourceQuota ${failed} counts it), or let a LimitRange do so`);
}

/** What follows each of the marks, up to the next; nothing where one is missing. The text may be long, and of others' making. */
function between(text: string, marks: readonly string[]): readonly string[] {
  const parts: string[] = [];
  let rest = text;
  for (const mark of marks) {
    const at = rest.indexOf(mark);
    if (at === -1) return [];
    parts.push(rest.slice(0, at));
    rest = rest.slice(at + mark.length);
  }
  return [...parts.slice(1), rest];
}

function amounts(list: string): ReadonlyMap<string, string> {
  return new Map(list.split(',').map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]));
}
