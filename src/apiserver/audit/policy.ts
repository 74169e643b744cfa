// pure
// Which requests are written down, and how much of them: audit.k8s.io/v1 Policy.
// Source: apiserver pkg/audit/policy checker.go, pkg/apis/audit/validation validation.go.
import { invalid, notSupported, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import type { UserInfo } from '../authentication/contract.ts';
import { decodeConfiguration, refuseConfiguration, type ConfigurationKind } from '../configuration/decode.ts';
import type { RequestInfo } from '../request.ts';

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof LEVELS)[number];
export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type Stage = (typeof STAGES)[number];

interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface PolicyRule {
  readonly level?: Level;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly Stage[];
  readonly omitManagedFields?: boolean;
}

export interface Policy {
  readonly rules?: readonly PolicyRule[];
  readonly omitStages?: readonly Stage[];
  readonly omitManagedFields?: boolean;
}

/** What is decided for one request. */
export interface AuditDecision {
  readonly level: Level;
  readonly omitStages: readonly Stage[];
  readonly omitManagedFields: boolean;
}

const STRINGS = { list: 'string' } as const;
const KIND: ConfigurationKind = {
  kind: 'Policy',
  apiVersions: ['audit.k8s.io/v1'],
  shape: {
    fields: {
      metadata: 'any',
      omitStages: STRINGS,
      omitManagedFields: 'boolean',
      rules: {
        list: {
          fields: {
            level: 'string',
            users: STRINGS,
            userGroups: STRINGS,
            verbs: STRINGS,
            resources: { list: { fields: { group: 'string', resources: STRINGS, resourceNames: STRINGS } } },
            namespaces: STRINGS,
            nonResourceURLs: STRINGS,
            omitStages: STRINGS,
            omitManagedFields: 'boolean',
          },
        },
      },
    },
  },
};

/** @throws ConfigurationError naming every mistake */
export function readPolicy(text: string): Policy {
  const policy = decodeConfiguration<Policy>(text, KIND);
  const errors = [
    ...stages(policy.omitStages, Path.of('omitStages')),
    ...(policy.rules ?? []).flatMap((rule, i) => validateRule(rule, Path.of('rules').index(i))),
  ];
  if ((policy.rules ?? []).length === 0) errors.push(invalid(Path.of('rules'), [], 'loaded illegal policy with 0 rules'));
  refuseConfiguration(errors);
  return policy;
}

function validateRule(rule: PolicyRule, at: Path): readonly FieldError[] {
  const { level, nonResourceURLs = [], resources = [], namespaces = [] } = rule;
  const errors: FieldError[] = [...stages(rule.omitStages, at.child('omitStages'))];
  if (level === undefined || !LEVELS.includes(level)) errors.push(notSupported(at.child('level'), level ?? '', LEVELS));
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0)) {
    errors.push(
      invalid(at.child('nonResourceURLs'), nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'),
    );
  }
  for (const [i, url] of nonResourceURLs.entries()) {
    const path = at.child('nonResourceURLs').index(i);
    if (url === '*') continue;
    if (!url.startsWith('/')) {
      errors.push(invalid(path, url, "non-resource URL rules must begin with a '/' character"));
    }
    if (url.slice(0, -1).includes('*'))
      errors.push(invalid(path, url, "non-resource URL wildcards '*' must be the final character of the rule"));
  }
  for (const [i, { group = '', resources: names = [], resourceNames = [] }] of resources.entries()) {
    const path = at.child('resources').index(i);
    if (group.includes('/')) errors.push(invalid(path.child('group'), group, 'group must not contain a version'));
    if (resourceNames.length > 0 && names.length === 0) {
      errors.push(invalid(path.child('resourceNames'), resourceNames, 'using resourceNames requires at least one resource'));
    }
  }
  return errors;
}

const stages = (given: readonly Stage[] = [], at: Path): readonly FieldError[] =>
  given.flatMap((stage, i) =>
    STAGES.includes(stage) ? [] : [invalid(at.index(i), stage, `invalid stage. Valid stages are ${STAGES.join(', ')}`)],
  );

/** @param user undefined: nobody could be made out */
export function auditDecision(policy: Policy, info: RequestInfo, user: UserInfo | undefined): AuditDecision {
  const omitManagedFields = policy.omitManagedFields ?? false;
  const rule = policy.rules?.find((candidate) => matches(candidate, info, user));
  if (rule === undefined) return { level: 'None', omitStages: policy.omitStages ?? [], omitManagedFields };
  return {
    level: rule.level ?? 'None',
    // Stages left out everywhere are left out here too.
    omitStages: [...(policy.omitStages ?? []), ...(rule.omitStages ?? [])],
    omitManagedFields: rule.omitManagedFields ?? omitManagedFields,
  };
}

const has = (list: readonly string[] | undefined): list is readonly string[] => list !== undefined && list.length > 0;

function matches(rule: PolicyRule, info: RequestInfo, user: UserInfo | undefined): boolean {
  const { users, userGroups, verbs, namespaces, resources = [], nonResourceURLs } = rule;
  if (has(users) && (user === undefined || !users.includes(user.name))) return false;
  if (has(userGroups) && user?.groups.some((group) => userGroups.includes(group)) !== true) return false;
  if (has(verbs) && !verbs.includes(info.verb)) return false;
  if (has(namespaces) || resources.length > 0) {
    if (!info.isResourceRequest) return false;
    if (has(namespaces) && !namespaces.includes(info.namespace)) return false;
    return resources.length === 0 || resources.some((one) => matchesResource(one, info));
  }
  if (!has(nonResourceURLs)) return true;
  return !info.isResourceRequest && nonResourceURLs.some((url) => matchesPath(url, info.path));
}

const matchesPath = (url: string, path: string): boolean =>
  url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));

function matchesResource({ group = '', resources, resourceNames }: GroupResources, info: RequestInfo): boolean {
  if (group !== info.group && group !== '*') return false;
  if (!has(resources)) return true;
  if (has(resourceNames) && !resourceNames.includes(info.name)) return false;
  const { resource, subresource } = info;
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return resources.some(
    (wanted) =>
      wanted === '*' || wanted === combined || (subresource !== '' && wanted === `*/${subresource}`) || wanted === `${resource}/*`,
  );
}
