// pure
// What would help against a cause, as far as its evidence says so; unlike changes for the scheduler these are not tried.
import { parseQuantity } from '#apimachinery/quantity.ts';
import { nearestName } from '#scheduler/explain/similar.ts';
import type { Pod } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import { containerRemedies } from './container-remedies.ts';
import type { Cause } from './contract.ts';

/** Something that the evidence says is missing. */
export interface Missing {
  readonly kind: 'ConfigMap' | 'Secret' | 'ServiceAccount' | 'PriorityClass' | 'StorageClass' | 'Image';
  /** Empty where it is not known which object lacks the key. */
  readonly name: string;
  /** Of a key: the object is there, and lacks it. */
  readonly key?: string;
}

const PATTERNS: readonly (readonly [RegExp, (found: readonly string[], pod: Pod | undefined) => Missing])[] = [
  [
    /couldn't find key (\S+) in (ConfigMap|Secret) [^/\s]+\/(\S+)/,
    ([, key, kind, name]) => ({ kind: kind as 'Secret', name: name ?? '', key: key ?? '' }),
  ],
  [
    /(?:volume "([^"]*)"[^]*)?references non-existent (config|secret) key: (\S+)/,
    ([, volume, of, key = ''], pod) => {
      const kind = of === 'config' ? 'ConfigMap' : 'Secret';
      return { kind, name: pod === undefined ? '' : sourceOf(pod, volume, { kind, key }), key };
    },
  ],
  [/configmap "([^"]+)" not found/, ([, name]) => ({ kind: 'ConfigMap', name: name ?? '' })],
  [/secret "([^"]+)" not found/, ([, name]) => ({ kind: 'Secret', name: name ?? '' })],
  [/serviceaccount "([^"]+)" not found/, ([, name]) => ({ kind: 'ServiceAccount', name: name ?? '' })],
  [/no PriorityClass with name (\S+) was found/, ([, name]) => ({ kind: 'PriorityClass', name: name ?? '' })],
  [/, class (\S+), which is not there$/, ([, name]) => ({ kind: 'StorageClass', name: name ?? '' })],
];

/** Name of the object from which the volume takes the key; '' when it is not known. */
function sourceOf({ spec }: Pod, volumeName: string | undefined, { kind, key }: Pick<Missing, 'kind' | 'key'>): string {
  const volume = spec.volumes?.find(({ name }) => name === volumeName);
  const own = kind === 'ConfigMap' ? volume?.configMap?.name : volume?.secret?.secretName;
  if (own !== undefined) return own;
  const parts = volume?.projected?.sources?.map(({ configMap, secret }) => (kind === 'ConfigMap' ? configMap : secret)) ?? [];
  return parts.find((part) => part?.items?.some((item) => item.key === key))?.name ?? '';
}

/** The first of those that could not be read. */
const PULL_SECRET = /^Unable to retrieve some image pull secrets \(([^,)]+)/;

/** What registries answer to those they do not know. */
const UNKNOWN_CALLER = /\b40[13]\b|unauthori[sz]ed|denied|authorization failed|authentication required/i;

/** `undefined` when nothing is said to be missing. */
export function missingBy({ kind, evidence, container }: Cause, pod: Pod | undefined): Missing | undefined {
  for (const { text } of evidence) {
    const secret = PULL_SECRET.exec(text)?.[1];
    if (secret !== undefined) return { kind: 'Secret', name: secret };
  }
  if (kind === 'image') {
    const containers = [...(pod?.spec.initContainers ?? []), ...(pod?.spec.containers ?? [])];
    const image = containers.find(({ name }) => name === container)?.image;
    return image === undefined ? undefined : { kind: 'Image', name: image };
  }
  for (const { text } of evidence) {
    for (const [pattern, read] of PATTERNS) {
      const found = pattern.exec(text);
      if (found !== null) return read(found, pod);
    }
  }
  return undefined;
}

/** `known`: names there are instead, of keys where a key is missing. */
export function insteadOf({ kind, name, key }: Missing, known: readonly string[]): readonly string[] {
  if (kind === 'Image') return imageInstead(name, known);
  const meant = nearestName(key ?? name, known);
  // The class of a claim does not change any more.
  if (kind === 'StorageClass')
    return [`make StorageClass ${name}${meant === undefined ? '' : `, or the claim anew with class ${meant}, which is there`}`];
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
export function remediesFor(cause: Cause, pod: Pod | undefined): readonly string[] {
  const { kind, evidence } = cause;
  switch (kind) {
    case 'crash':
      return [...memoryRemedies(cause, pod), ...containerRemedies(cause, pod)];
    case 'configuration':
    case 'probe':
      return containerRemedies(cause, pod);
    case 'ended':
      return pod === undefined ? [] : remediesForLeaving(cause, pod);
    case 'image':
      return pod !== undefined && isRefusedCaller(evidence) ? [credentials(pod)] : [];
    case 'refused':
      return [...quotaRemedies(evidence[0]?.text ?? ''), ...webhookRemedies(evidence[0]?.text ?? '')];
    default:
      return [];
  }
}

function memoryRemedies({ container, evidence }: Cause, pod: Pod | undefined): readonly string[] {
  if (pod === undefined || !evidence.some(({ text }) => text.includes('(OOMKilled)'))) return [];
  const own = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find(({ name }) => name === container);
  const [limit, ofPod] = [own?.resources?.limits?.['memory'], pod.spec.resources?.limits?.['memory']];
  if (limit !== undefined) return [`raise the memory limit of container ${container}, which is ${limit}`];
  if (ofPod !== undefined) return [`raise the memory limit of the pod, which is ${ofPod}`];
  return [`request the memory that container ${container} needs, so that it goes to a node that has it`];
}

/** A Secret that is not there says enough. */
const isRefusedCaller = (evidence: Cause['evidence']): boolean =>
  evidence.some(({ text }) => UNKNOWN_CALLER.test(text)) && !evidence.some(({ text }) => PULL_SECRET.test(text));

function credentials({ spec }: Pod): string {
  const names = (spec.imagePullSecrets ?? []).map(({ name }) => name);
  return names.length === 0
    ? 'name a Secret in imagePullSecrets by which the registry knows who asks'
    : `see whether Secret ${names.join(', ')} of imagePullSecrets is for this registry and may read the image`;
}

function remediesForLeaving({ heldBy }: Cause, { metadata, spec }: Pod): readonly string[] {
  if (heldBy === 'unready-node') {
    return [
      `bring node ${spec.nodeName} back, or, when it is shut down for good, taint it node.kubernetes.io/out-of-service=nodeshutdown:NoExecute`,
    ];
  }
  if (heldBy !== 'finalizers') return [];
  return (metadata.finalizers ?? []).map(
    (name) => FINALIZERS[name] ?? `let whoever put ${name} on the pod take it away, or do so if nobody is left who does`,
  );
}

/** Who takes away what is known. */
const FINALIZERS: Readonly<Record<string, string>> = {
  [FINALIZER.jobTracking]: `see that the Job controller runs: it takes ${FINALIZER.jobTracking} away once it has counted the pod`,
  [FINALIZER.foregroundDeletion]: 'see what the pod owns and blocks its deletion: that goes first',
};

/** Source: apiserver admission plugin webhook errors. */
function webhookRemedies(text: string): readonly string[] {
  const name = /failed calling webhook "([^"]+)"/.exec(text)?.[1];
  return name === undefined ? [] : [`bring back what answers for webhook ${name}, or take it out of its configuration`];
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
