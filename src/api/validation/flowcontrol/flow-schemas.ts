// FlowSchemas. Source: flowcontrol validation.go.
import type {
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../gen/flowcontrol-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { labelName, subdomainName, validateObjectMeta } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { MANDATORY_FLOW_SCHEMAS } from './mandatory.ts';

const SPEC = Path.of('spec');
const MAX_PRECEDENCE = 10_000;
const DISTINGUISHERS = ['ByNamespace', 'ByUser'];
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const SUBJECT_MEMBERS = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;
const SUBJECT_KINDS = ['Group', 'ServiceAccount', 'User'];

export function validateFlowSchema(out: Problems, schema: FlowSchema): void {
  validateObjectMeta(out, schema.metadata, 'cluster', subdomainName);
  const spec: Partial<FlowSchemaSpec> = schema.spec ?? {};
  const { name } = schema.metadata;
  validateSpec(out, spec, name);
  const fixed = MANDATORY_FLOW_SCHEMAS.get(name);
  if (fixed !== undefined && !semanticEqual(spec, fixed)) out.invalid(SPEC, spec, `spec of '${name}' must equal the fixed value`);
  validateFlowConditions(out, schema);
}

/** Of a FlowSchema's or a priority level's status. */
export function validateFlowConditions(
  out: Problems,
  { status }: { readonly status?: { readonly conditions?: readonly { readonly type?: string }[] } },
): void {
  const seen = new Set<string>();
  (status?.conditions ?? []).forEach(({ type = '' }, i) => {
    const at = Path.of('status').child('conditions').index(i).child('type');
    if (seen.has(type)) out.duplicate(at, type);
    seen.add(type);
    if (type === '') out.required(at);
  });
}

function validateSpec(out: Problems, spec: Partial<FlowSchemaSpec>, name: string): void {
  const { matchingPrecedence: precedence = 0, distinguisherMethod, priorityLevelConfiguration, rules = [] } = spec;
  const at = SPEC.child('matchingPrecedence');
  if (precedence <= 0) out.invalid(at, precedence, 'must be a positive value');
  if (precedence > MAX_PRECEDENCE) out.invalid(at, precedence, `must not be greater than ${MAX_PRECEDENCE}`);
  if (precedence === 1 && name !== 'exempt') out.invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
  if (distinguisherMethod !== undefined && !DISTINGUISHERS.includes(distinguisherMethod.type))
    out.notSupported(SPEC.child('distinguisherMethod', 'type'), { Type: distinguisherMethod.type }, DISTINGUISHERS);
  const level = priorityLevelConfiguration?.name;
  const where = SPEC.child('priorityLevelConfiguration', 'name');
  if (blank(level)) out.required(where, 'must reference a priority level');
  else out.each(where, level, subdomainName(level, false));
  rules.forEach((rule, i) => validateRule(out, SPEC.child('rules').index(i), rule));
}

function validateRule(out: Problems, at: Path, rule: Partial<PolicyRulesWithSubjects>): void {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  if (subjects.length === 0) out.required(at.child('subjects'), 'subjects must contain at least one value');
  subjects.forEach((subject, i) => validateSubject(out, at.child('subjects').index(i), subject));
  if (resourceRules.length + nonResourceRules.length === 0)
    out.required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty');
  resourceRules.forEach((each, i) => validateResourceRule(out, at.child('resourceRules').index(i), each));
  nonResourceRules.forEach((each, i) => validateNonResourceRule(out, at.child('nonResourceRules').index(i), each));
}

function validateSubject(out: Problems, at: Path, subject: Subject): void {
  const kind = subject.kind as keyof typeof SUBJECT_MEMBERS;
  if (!Object.hasOwn(SUBJECT_MEMBERS, kind)) return out.notSupported(at.child('kind'), kind, SUBJECT_KINDS);
  const own = SUBJECT_MEMBERS[kind];
  if (subject[own] === undefined) out.required(at.child(own), `${own} is required when subject kind is '${kind}'`);
  else if (kind === 'ServiceAccount') validateAccount(out, at.child(own), subject.serviceAccount ?? {});
  else if (blank(subject[own].name)) out.required(at.child(own, 'name'));
  for (const other of Object.keys(SUBJECT_MEMBERS) as (keyof typeof SUBJECT_MEMBERS)[]) {
    const member = SUBJECT_MEMBERS[other];
    if (other !== kind && subject[member] !== undefined)
      out.forbidden(at.child(member), `${member} is forbidden when subject kind is not '${other}'`);
  }
}

function validateAccount(out: Problems, at: Path, { name, namespace }: { readonly name?: string; readonly namespace?: string }): void {
  if (blank(name)) out.required(at.child('name'));
  else if (name !== '*') out.each(at.child('name'), name, subdomainName(name, false));
  if (blank(namespace)) out.required(at.child('namespace'), 'must specify namespace for service account');
  else out.each(at.child('namespace'), namespace, labelName(namespace, false));
}

function validateVerbs(out: Problems, at: Path, verbs: readonly string[]): void {
  if (verbs.length === 0) out.required(at, 'verbs must contain at least one value');
  else if (verbs.includes('*')) {
    if (verbs.length > 1) out.invalid(at, verbs, "if '*' is present, must not specify other verbs");
  } else if (!verbs.every((verb) => VERBS.includes(verb))) out.notSupported(at, verbs, VERBS);
}

function validateResourceRule(out: Problems, at: Path, rule: Partial<ResourcePolicyRule>): void {
  const { verbs = [], apiGroups = [], resources = [], clusterScope = false } = rule;
  const namespaces = rule.namespaces ?? [];
  validateVerbs(out, at.child('verbs'), verbs);
  if (apiGroups.length === 0) out.required(at.child('apiGroups'), 'resource rules must supply at least one api group');
  else if (apiGroups.length > 1 && apiGroups.includes('*'))
    out.invalid(at.child('apiGroups'), apiGroups, "if '*' is present, must not specify other api groups");
  if (resources.length === 0) out.required(at.child('resources'), 'resource rules must supply at least one resource');
  else if (resources.length > 1 && resources.includes('*'))
    out.invalid(at.child('resources'), resources, "if '*' is present, must not specify other resources");
  const path = at.child('namespaces');
  if (namespaces.length === 0 && !clusterScope)
    out.required(path, 'resource rules that are not cluster scoped must supply at least one namespace');
  else if (namespaces.includes('*')) {
    if (namespaces.length > 1) out.invalid(path, namespaces, "if '*' is present, must not specify other namespaces");
  } else {
    namespaces.forEach((namespace, i) => {
      for (const reason of labelName(namespace, false))
        out.invalid(path.index(i), namespace, `each member of this list must be '*' or a DNS-1123 label; ${reason}`);
    });
  }
}

/** Source: ValidateNonResourceURLPath. */
function urlProblem(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path === '/') return undefined;
  if (!path.startsWith('/')) return 'must start with slash';
  if (path.includes(' ')) return 'must not contain white-space';
  if (path.includes('//')) return 'must not contain double slash';
  const wildcards = path.split('*').length - 1;
  return wildcards > 1 || (wildcards === 1 && !path.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
}

function validateNonResourceRule(
  out: Problems,
  at: Path,
  { verbs = [], nonResourceURLs: urls = [] }: Partial<NonResourcePolicyRule>,
): void {
  validateVerbs(out, at.child('verbs'), verbs);
  const path = at.child('nonResourceURLs');
  if (urls.length === 0) out.required(path, 'nonResourceURLs must contain at least one value');
  else if (urls.includes('*')) {
    if (urls.length > 1) out.invalid(path, urls, "if '*' is present, must not specify other non-resource URLs");
  } else {
    urls.forEach((url, i) => {
      const problem = urlProblem(url);
      if (problem !== undefined) out.invalid(path.index(i), url, problem);
    });
  }
}
