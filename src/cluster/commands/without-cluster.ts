// pure
// Which kubectl command lines are answered without this machine's cluster.

/** Commands that ask no API server. Source: kubectl v1.36, kubectl --help. */
const OFFLINE: ReadonlySet<string> = new Set(['help', 'completion', 'kustomize', 'options', 'plugin']);

/** Flags of kubectl that ask for help, or name the server themselves. */
const HELP = /^(-h|--help)(=.*)?$/;
const ELSEWHERE = /^(-s|--server|--kubeconfig)(=.*)?$/;

/** Whether kubectl with these words, those after `--` being another program's, needs the administrator's kubeconfig. */
export function needsCluster(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  const own = end === -1 ? words : words.slice(0, end);
  const [first = 'help'] = own;
  if (OFFLINE.has(first) || own.some((word) => HELP.test(word) || ELSEWHERE.test(word))) return false;
  return first !== 'version' || !own.some((word) => word === '--client' || word === '--client=true');
}
