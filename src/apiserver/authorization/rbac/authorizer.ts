// Role-based access control. What a user may do is worked out once and kept until a role or binding changes.
// Source: plugin/pkg/auth/authorizer/rbac rbac.go; pkg/registry/rbac/validation rule.go.
import { clusterroles, roles } from '#api/resources.ts';
import type { PolicyRule, RoleRef } from '#api/types.ts';
import { notFound, StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { Lru } from '#base/lru.ts';
import type { UserInfo } from '../../authentication/contract.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { NO_OPINION, type AuthorizationAttributes, type AuthorizationDecision, type Authorizer, type RuleResolver } from '../contract.ts';
import { BindingIndex, describeBound, groupKey, userKey } from './bindings.ts';
import { RuleSet } from './rules.ts';

/** Users kept, by name and groups. */
const CACHED_USERS = 2_048;
/** Of a user who is remembered from one request to the next, with all groups: whom clients speak for is theirs to say. Characters. */
const MAX_IDENTITY = 16_384;

/** All rules for one user in one scope. */
interface Compiled {
  readonly clusterGeneration: number;
  readonly generation: number;
  readonly rules: RuleSet<AuthorizationDecision>;
  readonly raw: readonly PolicyRule[];
  /** Roles that bindings name and nobody has. */
  readonly errors: readonly string[];
}

interface Rights {
  readonly subjects: readonly string[];
  /** By namespace; the empty one is the whole cluster. */
  readonly scopes: Map<string, Compiled>;
}

export class RbacAuthorizer implements Authorizer, RuleResolver {
  readonly #reader: CacheReader;
  #index: BindingIndex | undefined;
  readonly #byUser = new WeakMap<UserInfo, Rights>();
  readonly #byIdentity = new Lru<string, Rights>(CACHED_USERS);

  constructor(reader: CacheReader) {
    this.#reader = reader;
  }

  /** Made with the first question: that comes after the cache was filled, which tells nobody. */
  get #bindings(): BindingIndex {
    return (this.#index ??= new BindingIndex(this.#reader));
  }

  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    const rights = this.#rights(attributes.user);
    const cluster = this.#scope(rights, '');
    const allowed = cluster.rules.find(attributes);
    if (allowed !== undefined) return allowed;
    if (attributes.namespace === '') return denial(cluster.errors);
    const local = this.#scope(rights, attributes.namespace);
    return local.rules.find(attributes) ?? denial([...cluster.errors, ...local.errors]);
  }

  rulesFor(user: UserInfo, namespace: string): ReturnType<RuleResolver['rulesFor']> {
    const { rules, error } = this.policyRules(user, namespace);
    return {
      resourceRules: rules.flatMap(({ verbs, apiGroups = [], resources = [], resourceNames }) =>
        resources.length === 0 ? [] : [{ verbs, apiGroups, resources, ...(resourceNames === undefined ? {} : { resourceNames }) }],
      ),
      nonResourceRules: rules.flatMap(({ verbs, nonResourceURLs = [] }) =>
        nonResourceURLs.length === 0 ? [] : [{ verbs, nonResourceURLs }],
      ),
      incomplete: false,
      ...(error === '' ? {} : { evaluationError: error }),
    };
  }

  /** Every rule for `user`, cluster-wide ones first. @param namespace empty: only those. `error` may be empty */
  policyRules(user: UserInfo, namespace: string): { readonly rules: readonly PolicyRule[]; readonly error: string } {
    const rights = this.#rights(user);
    const scopes = [this.#scope(rights, ''), ...(namespace === '' ? [] : [this.#scope(rights, namespace)])];
    return { rules: scopes.flatMap(({ raw }) => raw), error: aggregate(scopes.flatMap(({ errors }) => errors)) };
  }

  /** Rules of the role a binding in `namespace` names. @throws StatusError NotFound. Source: GetRoleReferenceRules. */
  roleRules(reference: RoleRef, namespace: string): readonly PolicyRule[] {
    switch (reference.kind) {
      case 'Role': {
        const role = this.#reader.get(roles, reference.name, namespace);
        if (role === undefined) throw missing('role', reference.name);
        return role.rules ?? [];
      }
      case 'ClusterRole': {
        const role = this.#reader.get(clusterroles, reference.name);
        if (role === undefined) throw missing('clusterrole', reference.name);
        return role.rules ?? [];
      }
      default:
        throw new UnsupportedRoleError(`unsupported role reference kind: ${goQuote(reference.kind)}`);
    }
  }

  #rights(user: UserInfo): Rights {
    let rights = this.#byUser.get(user);
    if (rights !== undefined) return rights;
    const subjects = [userKey(user.name), ...user.groups.map(groupKey)];
    const identity = JSON.stringify(subjects);
    rights = this.#byIdentity.get(identity) ?? { subjects, scopes: new Map() };
    if (identity.length <= MAX_IDENTITY) this.#byIdentity.set(identity, rights);
    this.#byUser.set(user, rights);
    return rights;
  }

  #scope({ subjects, scopes }: Rights, namespace: string): Compiled {
    const { clusterGeneration } = this.#bindings;
    const generation = this.#bindings.generation(namespace);
    const known = scopes.get(namespace);
    if (known !== undefined && known.clusterGeneration === clusterGeneration && known.generation === generation) return known;
    const compiled = { clusterGeneration, generation, ...this.#compile(subjects, namespace) };
    if (namespace.length > MAX_NAMESPACE) return compiled;
    // Whoever asks about ever new namespaces must not be remembered for all of them.
    if (scopes.size >= MAX_SCOPES) scopes.clear();
    scopes.set(namespace, compiled);
    return compiled;
  }

  #compile(subjects: readonly string[], namespace: string): Pick<Compiled, 'rules' | 'raw' | 'errors'> {
    const rules = new RuleSet<AuthorizationDecision>();
    const raw: PolicyRule[] = [];
    const errors: string[] = [];
    for (const bound of this.#bindings.find(subjects, namespace)) {
      const found = this.#rulesOf(bound.binding.roleRef, namespace);
      if (typeof found === 'string') {
        errors.push(found);
        continue;
      }
      const decision: AuthorizationDecision = { decision: 'allow', reason: `RBAC: allowed by ${describeBound(bound)}` };
      for (const rule of found) rules.add(rule, decision);
      raw.push(...found);
    }
    return { rules, raw, errors };
  }

  #rulesOf(reference: RoleRef, namespace: string): readonly PolicyRule[] | string {
    try {
      return this.roleRules(reference, namespace);
    } catch (error) {
      if (error instanceof UnsupportedRoleError || isNotFound(error)) return error.message;
      throw error;
    }
  }
}

/** Namespaces kept for one user, and the longest name of one: clients ask for what they like. */
const MAX_SCOPES = 1_024;
const MAX_NAMESPACE = 63;

class UnsupportedRoleError extends Error {
  override readonly name = 'UnsupportedRoleError';
}

const isNotFound = (error: unknown): error is StatusError => error instanceof StatusError && error.reason === 'NotFound';

/** In the singular, as upstream's listers name resources. */
const missing = (resource: string, name: string): StatusError => notFound({ group: 'rbac.authorization.k8s.io', resource }, name);

const denial = (errors: readonly string[]): AuthorizationDecision =>
  errors.length === 0 ? NO_OPINION : { decision: 'noOpinion', reason: `RBAC: ${aggregate(errors)}` };

/** Source: utilerrors.NewAggregate. */
export function aggregate(errors: readonly string[]): string {
  const texts = [...new Set(errors)];
  return texts.length > 1 ? `[${texts.join(', ')}]` : (texts[0] ?? '');
}
