// Whoever lets a policy look at parameters must be allowed to read them: what it says of them would tell. Asked of what is
// otherwise valid, before any other plugin judges.
// Source: pkg/registry/admissionregistration validatingadmissionpolicy, validatingadmissionpolicybinding (and the mutating
// ones) authz.go.
import type { Schema } from '#api/schema.ts';
import {
  mutatingadmissionpolicies,
  mutatingadmissionpolicybindings,
  validatingadmissionpolicies,
  validatingadmissionpolicybindings,
} from '#api/resources.ts';
import type { ParamKind, ParamRef, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '#api/types.ts';
import { forbidden, toStatusError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goValue } from '#apimachinery/go-format.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import { SYSTEM_PRIVILEGED_GROUP, type UserInfo } from '../../authentication/contract.ts';
import type { Authorizer } from '../../authorization/contract.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { AdmissionAttributes, ValidatingPlugin } from '../contract.ts';

export interface ParamAccessDeps {
  readonly reader: CacheReader;
  readonly authorizer: Authorizer;
  readonly schema: Schema;
}

/** Of both kinds of policies, which say the same here. */
type Policy = ValidatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding;

const SPEC = Path.of('spec');
/** The policies that bindings are of. */
const POLICIES_OF_BINDINGS = {
  [validatingadmissionpolicybindings.resource]: validatingadmissionpolicies,
  [mutatingadmissionpolicybindings.resource]: mutatingadmissionpolicies,
} as const;
const POLICIES: ReadonlySet<string> = new Set([validatingadmissionpolicies.resource, mutatingadmissionpolicies.resource]);

export function paramAccess(deps: ParamAccessDeps): ValidatingPlugin {
  return {
    name: 'PolicyParamAccess',
    operations: ['CREATE', 'UPDATE'],
    async validate(attributes) {
      const { resource, subresource, user } = attributes;
      if (resource.group !== validatingadmissionpolicies.group || subresource !== '') return;
      if (user.groups.includes(SYSTEM_PRIVILEGED_GROUP)) return;
      if (POLICIES.has(resource.resource)) await judgePolicy(attributes, deps);
      else if (Object.hasOwn(POLICIES_OF_BINDINGS, resource.resource)) await judgeBinding(attributes, deps);
    },
  };
}

async function judgePolicy(attributes: AdmissionAttributes, deps: ParamAccessDeps): Promise<void> {
  const kind = (attributes.object as Policy).spec.paramKind;
  if (kind === undefined) return;
  const before = (attributes.oldObject as Policy | undefined)?.spec.paramKind;
  if (before?.kind === kind.kind && before?.apiVersion === kind.apiVersion) return;
  if (await mayRead(attributes, { ...kindOf(kind, deps), name: '*', namespace: '*' }, deps)) return;
  const what = `all objects of the referenced paramKind (kind=${kind.kind}, apiVersion=${kind.apiVersion})`;
  refuse(attributes, SPEC.child('paramKind'), `user ${goUser(attributes.user)} must have "get" permission on ${what}`);
}

async function judgeBinding(attributes: AdmissionAttributes, deps: ParamAccessDeps): Promise<void> {
  const { paramRef, policyName } = (attributes.object as Binding).spec;
  if (paramRef === undefined) return;
  const before = (attributes.oldObject as Binding | undefined)?.spec;
  if (before !== undefined && before.policyName === policyName && isSame(before.paramRef, paramRef)) return;
  const policies = POLICIES_OF_BINDINGS[attributes.resource.resource] as typeof validatingadmissionpolicies;
  const kind = deps.reader.get(policies, policyName ?? '')?.spec.paramKind;
  const { name = '', namespace = '' } = paramRef;
  const asked = { ...(kind === undefined ? ANY : kindOf(kind, deps)), name, namespace };
  if (await mayRead(attributes, asked, deps)) return;
  const detail = `user ${goUser(attributes.user)} does not have "get" permission on the object referenced by paramRef`;
  refuse(attributes, SPEC.child('paramRef'), detail);
}

/** Upstream compares what these two point to by the pointer, and so finds them changed whenever they are there. */
const isSame = (before: ParamRef | undefined, now: ParamRef): boolean =>
  before !== undefined &&
  before.name === now.name &&
  before.namespace === now.namespace &&
  [before, now].every(({ selector, parameterNotFoundAction }) => selector === undefined && parameterNotFoundAction === undefined);

const ANY = { group: '*', version: '*', resource: '*' } as const;

/** A kind that nobody serves could be any resource of its version. */
function kindOf({ apiVersion = '', kind = '' }: ParamKind, { schema }: ParamAccessDeps): typeof ANY | Record<keyof typeof ANY, string> {
  if (apiVersion.split('/').length > 2) return ANY;
  const { group, version } = parseApiVersion(apiVersion);
  return { group, version, resource: schema.resourceOfKind({ group, version, kind })?.resource ?? '*' };
}

interface Asked {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly name: string;
  readonly namespace: string;
}

async function mayRead({ user, request }: AdmissionAttributes, asked: Asked, { authorizer }: ParamAccessDeps): Promise<boolean> {
  const question = { ...asked, user, verb: 'get', isResourceRequest: true, subresource: '', path: '' };
  return (await authorizer.authorize(question, request)).decision === 'allow';
}

/** As Go prints a pointer to it. */
const goUser = ({ name, uid = '', groups, extra }: UserInfo): string => `&{${name} ${uid} ${goValue(groups)} ${goValue(extra ?? {})}}`;

/** @throws StatusError Invalid */
function refuse({ kind, object }: AdmissionAttributes, at: Path, detail: string): never {
  throw toStatusError(kind, object?.metadata.name ?? '', [forbidden(at, detail)]);
}
