// pure
// What a request asks to be allowed. Source: pkg/kubelet/server/auth.go nodeAuthorizerAttributesGetter.
import type { NodeAttributes } from './contract.ts';

const VERBS: Readonly<Record<string, string>> = { POST: 'create', GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** Paths whose subresource is the only one that opens them. */
const OWN: readonly (readonly [string, string])[] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/checkpoint', 'checkpoint'],
  ['/statusz', 'statusz'],
  ['/flagz', 'flagz'],
];

/** Paths that `proxy` opens too. Source: KubeletFineGrainedAuthz. */
const FINE: readonly (readonly [string, string])[] = [
  ['/pods', 'pods'],
  ['/runningpods', 'pods'],
  ['/healthz', 'healthz'],
  ['/configz', 'configz'],
];

/** Any of them is enough; asked in this order. */
export function nodeAttributes(method: string, path: string): readonly NodeAttributes[] {
  const verb = VERBS[method] ?? '';
  const below = ([prefix]: readonly [string, string]): boolean => path === prefix || path.startsWith(`${prefix}/`);
  const own = OWN.find(below);
  if (own !== undefined) return [{ verb, subresource: own[1] }];
  const fine = FINE.find(below);
  return [...(fine === undefined ? [] : [{ verb, subresource: fine[1] }]), { verb, subresource: 'proxy' }];
}
