// pure
// Which FlowSchema a request belongs to. Source: apiserver pkg/util/flowcontrol rule.go; apihelpers FlowSchemaSequence.
import type { FlowSchema, NonResourcePolicyRule, PolicyRulesWithSubjects, ResourcePolicyRule, Subject } from '#api/gen/flowcontrol-v1.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { RequestInfo } from '../request.ts';

/** Lower precedence first, then by name. */
export const matchingOrder = (a: FlowSchema, b: FlowSchema): number =>
  a.spec.matchingPrecedence - b.spec.matchingPrecedence || (a.metadata.name < b.metadata.name ? -1 : 1);

/** The rules of a schema that concern a user. Found once for each user, since most of a match is looking at subjects. */
export function rulesOf({ spec }: FlowSchema, user: UserInfo): readonly PolicyRulesWithSubjects[] {
  return (spec.rules ?? []).filter(({ subjects }) => subjects.some((subject) => isSubject(user, subject)));
}

export function matches({ resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects, info: RequestInfo): boolean {
  if (!info.isResourceRequest) return nonResourceRules.some((rule) => matchesPath(rule, info));
  for (const rule of resourceRules) if (matchesResource(rule, info)) return true;
  return false;
}

const SERVICE_ACCOUNT = 'system:serviceaccount:';

function isSubject(user: UserInfo, { kind, user: named, group, serviceAccount }: Subject): boolean {
  switch (kind) {
    case 'User':
      return named !== undefined && (named.name === '*' || named.name === user.name);
    case 'Group':
      return group !== undefined && (group.name === '*' || user.groups.includes(group.name));
    case 'ServiceAccount':
      if (serviceAccount === undefined) return false;
      return serviceAccount.name === '*'
        ? user.name.startsWith(`${SERVICE_ACCOUNT}${serviceAccount.namespace}:`)
        : user.name === `${SERVICE_ACCOUNT}${serviceAccount.namespace}:${serviceAccount.name}`;
    default:
      return false;
  }
}

function matchesResource({ verbs, resources, apiGroups, clusterScope, namespaces }: ResourcePolicyRule, info: RequestInfo): boolean {
  if (!contains(verbs, info.verb) || !contains(apiGroups, info.group)) return false;
  if (!isAll(resources)) {
    const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
    if (!resources.includes(resource)) return false;
  }
  return info.namespace === '' ? clusterScope === true : contains(namespaces ?? [], info.namespace);
}

function matchesPath({ verbs, nonResourceURLs }: NonResourcePolicyRule, { verb, path }: RequestInfo): boolean {
  if (!contains(verbs, verb)) return false;
  return nonResourceURLs.some((url) => {
    if (url === '*' || url === path) return true;
    const prefix = url.endsWith('*') ? url.slice(0, -1) : url;
    return path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
  });
}

/** Validation sees to it that a wildcard stands alone. */
const isAll = (list: readonly string[]): boolean => list.length === 1 && list[0] === '*';
const contains = (list: readonly string[], value: string): boolean => isAll(list) || list.includes(value);
