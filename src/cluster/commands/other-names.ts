// pure
// What users of other distributions type first, and which command of ours does that. Sources: the command references of
// minikube, kind, k3s, k0s, MicroK8s, kubeadm, Docker Compose and Docker Swarm.

const UP = 'proa up';
const DOWN = 'proa down';
const RESET = 'proa reset';
const JOIN = 'proa agent on the machine that joins, with a token that proa token create makes on this one';

/** Names of other tools' commands for what one of ours does, whatever follows them. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ...['start', 'init', 'install', 'enable', 'bootstrap', 'unpause', 'swarm'].map((name) => [name, UP] as const),
  ...['stop', 'halt', 'pause', 'disable'].map((name) => [name, DOWN] as const),
  ...['uninstall', 'destroy', 'purge', 'leave', 'clean'].map((name) => [name, RESET] as const),
  ...['join', 'add-node', 'worker'].map((name) => [name, JOIN] as const),
  ...['info', 'inspect', 'check', 'health'].map((name) => [name, 'proa status'] as const),
  ...['load', 'ctr'].map((name) => [name, 'proa image import'] as const),
  ...['images', 'crictl'].map((name) => [name, 'proa image ls'] as const),
  ['restart', `${DOWN} and then ${UP}`],
  ['upgrade', `the new release’s ${UP}, after ${DOWN}: all state stays`],
  ['update', `the new release’s ${UP}, after ${DOWN}: all state stays`],
  ['config', 'proa kubeconfig'],
  ['controller', 'proa server'],
  ['ps', 'proa kubectl get pods --all-namespaces'],
  ['ls', 'proa kubectl get pods --all-namespaces'],
]);

/** With one of these, or with nothing, `create` and `delete` are about the cluster. */
const CLUSTER_WORDS: ReadonlySet<string> = new Set(['cluster', 'clusters']);

/** Verbs of kubectl that no command of ours shares. Source: kubectl v1.36, kubectl --help. */
const KUBECTL_VERBS: ReadonlySet<string> = new Set(
  (
    'alpha annotate api-resources api-versions apply attach auth autoscale certificate cluster-info completion cordon cp create ' +
    'debug delete describe diff drain edit events exec explain expose get label options patch plugin port-forward proxy ' +
    'replace rollout scale set taint top uncordon version wait'
  ).split(' '),
);

/** What to type instead of `proa WORDS`, whose first word is no command of ours; undefined when nobody else knows it either. */
export function commandFor(words: readonly string[]): string | undefined {
  const [first = '', second] = words;
  const aboutCluster = second === undefined || CLUSTER_WORDS.has(second);
  if (first === 'create' && aboutCluster) return UP;
  if ((first === 'delete' || first === 'rm') && aboutCluster) return RESET;
  if (first === 'get' && second !== undefined && CLUSTER_WORDS.has(second)) return 'proa status';
  if (first === 'version' && second === undefined) return 'proa --version';
  if (KUBECTL_VERBS.has(first)) return `proa kubectl ${words.join(' ')}`;
  return OTHER_NAMES.get(first);
}
