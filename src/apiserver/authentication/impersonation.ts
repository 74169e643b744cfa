// Acting as someone else: what the Impersonate headers ask for, and whether the requestor may.
// Source: apiserver pkg/endpoints/filters/impersonation constrained_impersonation.go, mode.go.
import { badRequest, type StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { dns1123Subdomain } from '#apimachinery/names.ts';
import type { AuthorizationAttributes, Authorizer, Caller } from '../authorization/contract.ts';
import { forbiddenError } from '../stages/authorization.ts';
import { ALL_AUTHENTICATED, ALL_UNAUTHENTICATED, ANONYMOUS, SYSTEM_PRIVILEGED_GROUP, type UserInfo } from './contract.ts';
import { extraOf, type HeaderValues } from './headers.ts';
import { checkExtra } from './impersonation-extra.ts';
import { EXTRA, NODE_USER_PREFIX, NODES_GROUP, parseServiceAccountUser, serviceAccountGroups } from './names.ts';

const USER = 'impersonate-user';
const UID = 'impersonate-uid';
const GROUP = 'impersonate-group';
const EXTRA_PREFIX = 'impersonate-extra-';

/** From how many values on one question for all of them is tried first. Source: manyAuthorizationChecksInLoop. */
const MANY = 4;

/**
 * Whom the headers ask for, as they say it; undefined for nobody.
 * @throws StatusError BadRequest for parts of a user without a name
 */
export function impersonationWish(headers: HeaderValues): UserInfo | undefined {
  const name = headers.values(USER)[0] ?? '';
  const uid = headers.values(UID)[0] ?? '';
  const groups = headers.values(GROUP);
  const extra = extraOf(headers, EXTRA_PREFIX);
  if (name !== '') return { name, groups, ...(uid === '' ? {} : { uid }), ...(Object.keys(extra).length === 0 ? {} : { extra }) };
  if (uid === '' && groups.length === 0 && Object.keys(extra).length === 0) return undefined;
  throw badRequest(
    `requested &user.DefaultInfo{Name:"", UID:${goQuote(uid)}, Groups:${goStrings(groups)}, Extra:${goExtra(extra)}} without impersonating a user name`,
  );
}

const goStrings = (texts: readonly string[]): string =>
  texts.length === 0 ? '[]string(nil)' : `[]string{${texts.map(goQuote).join(', ')}}`;
const goExtra = (extra: Readonly<Record<string, readonly string[]>>): string =>
  `map[string][]string${
    Object.keys(extra).length === 0
      ? '(nil)'
      : `{${Object.entries(extra)
          .map(([key, values]) => `${goQuote(key)}:${goStrings(values)}`)
          .join(', ')}}`
  }`;

export interface Impersonated {
  readonly user: UserInfo;
  /** The verb that allowed it, for the audit event; empty for the old, unconstrained one. */
  readonly constraint: string;
}

export interface ImpersonationCall {
  readonly wanted: UserInfo;
  /** The request itself, still as the requestor. */
  readonly attributes: AuthorizationAttributes;
  readonly authorizer: Authorizer;
  readonly caller?: Caller;
}

interface Mode {
  /** Undefined for impersonation as it always was. */
  readonly constraint?: string;
  applies(wanted: UserInfo, requestor: UserInfo): boolean;
}

/** Narrowest first: a requestor who may do less is asked for less. */
const MODES: readonly Mode[] = [
  { constraint: 'associated-node', applies: (wanted, requestor) => onlyName(wanted) && runsOn(requestor, nodeName(wanted.name)) },
  { constraint: 'arbitrary-node', applies: (wanted) => onlyName(wanted) && nodeName(wanted.name) !== undefined },
  { constraint: 'serviceaccount', applies: (wanted) => onlyName(wanted) && parseServiceAccountUser(wanted.name) !== undefined },
  { constraint: 'user-info', applies: ({ name }) => nodeName(name) === undefined && parseServiceAccountUser(name) === undefined },
  { applies: () => true },
];

const onlyName = ({ uid, groups, extra }: UserInfo): boolean => (uid ?? '') === '' && groups.length === 0 && extra === undefined;

function nodeName(user: string): string | undefined {
  if (!user.startsWith(NODE_USER_PREFIX)) return undefined;
  const name = user.slice(NODE_USER_PREFIX.length);
  return dns1123Subdomain(name).length === 0 ? name : undefined;
}

function runsOn(requestor: UserInfo, node: string | undefined): boolean {
  const [own, ...more] = requestor.extra?.[EXTRA.nodeName] ?? [];
  return node !== undefined && own === node && more.length === 0 && parseServiceAccountUser(requestor.name) !== undefined;
}

/** The user the request goes on as. @throws StatusError Forbidden: the first mode's refusal */
export async function impersonate(call: ImpersonationCall): Promise<Impersonated> {
  let refusal: StatusError | undefined;
  for (const mode of MODES) {
    if (!mode.applies(call.wanted, call.attributes.user)) continue;
    const answer = mode.constraint === undefined ? await asBefore(call) : await constrained(call, mode.constraint);
    if (!(answer instanceof Error)) return answer;
    refusal ??= answer;
  }
  throw refusal as StatusError; // the last mode applies to everyone
}

async function constrained(call: ImpersonationCall, mode: string): Promise<Impersonated | StatusError> {
  const associated = mode === 'associated-node';
  // What is allowed for one node of a service account is allowed for each of its nodes: the question must not depend on it.
  const requestor = associated ? withoutNode(call.attributes.user) : call.attributes.user;
  const check = new Check(call, requestor);
  const attributes = { ...call.attributes, user: requestor, verb: `impersonate-on:${mode}:${call.attributes.verb}` };
  const onVerb = await check.ask(attributes);
  if (onVerb !== undefined) return onVerb;
  const constraint = `impersonate:${mode}`;
  return check.person({ verb: constraint, group: 'authentication.k8s.io', constraint, anyNode: associated });
}

const asBefore = (call: ImpersonationCall): Promise<Impersonated | StatusError> =>
  new Check(call, call.attributes.user).person({ verb: 'impersonate', group: '', constraint: '', anyNode: false });

const withoutNode = (user: UserInfo): UserInfo => ({
  ...user,
  extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(user.extra ?? {}).toSorted() },
});

interface PersonQuestion {
  readonly verb: string;
  /** API group of users and groups. */
  readonly group: string;
  /** Empty: no checks beyond what was always checked. */
  readonly constraint: string;
  readonly anyNode: boolean;
}

class Check {
  readonly #call: ImpersonationCall;
  readonly #requestor: UserInfo;

  constructor(call: ImpersonationCall, requestor: UserInfo) {
    this.#call = call;
    this.#requestor = requestor;
  }

  /** Undefined when allowed. */
  async ask(attributes: AuthorizationAttributes): Promise<StatusError | undefined> {
    const { decision, reason, error } = await this.#call.authorizer.authorize(attributes, this.#call.caller);
    if (decision === 'allow') return undefined;
    return forbiddenError(attributes, [error?.message ?? '', reason].filter((text) => text !== '').join(': '));
  }

  async person(question: PersonQuestion): Promise<Impersonated | StatusError> {
    const { wanted } = this.#call;
    const account = parseServiceAccountUser(wanted.name);
    const node = question.constraint === '' ? undefined : nodeName(wanted.name);
    const groups =
      wanted.groups.length > 0
        ? wanted.groups
        : account !== undefined
          ? serviceAccountGroups(account.namespace)
          : node !== undefined
            ? [NODES_GROUP]
            : [];
    const refusal =
      (await this.#name(question)) ??
      (wanted.uid === undefined
        ? undefined
        : await this.#part(question, { group: 'authentication.k8s.io', resource: 'uids', name: wanted.uid })) ??
      (await this.#groups(question)) ??
      (await this.#extra(question));
    return refusal ?? { user: { ...wanted, groups: withStanding(wanted.name, groups) }, constraint: question.constraint };
  }

  #name(question: PersonQuestion): Promise<StatusError | undefined> {
    const { name } = this.#call.wanted;
    const account = parseServiceAccountUser(name);
    if (account !== undefined) return this.#part(question, { resource: 'serviceaccounts', ...account });
    const node = question.constraint === '' ? undefined : nodeName(name);
    if (node === undefined) return this.#part(question, { resource: 'users', name });
    return this.#part(question, { resource: 'nodes', name: question.anyNode ? '*' : node });
  }

  async #groups(question: PersonQuestion): Promise<StatusError | undefined> {
    const { groups } = this.#call.wanted;
    if (question.constraint !== '') {
      if (groups.includes('')) return this.#refuse(question, 'groups', '', 'impersonating the empty string group is not allowed');
      if (groups.includes(SYSTEM_PRIVILEGED_GROUP)) {
        return this.#refuse(question, 'groups', SYSTEM_PRIVILEGED_GROUP, 'impersonating the system:masters group is not allowed');
      }
      if (groups.length >= MANY && (await this.#part(question, { resource: 'groups', name: '*' })) === undefined) return undefined;
    }
    for (const name of groups) {
      const refusal = await this.#part(question, { resource: 'groups', name });
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  async #extra(question: PersonQuestion): Promise<StatusError | undefined> {
    const extra = Object.entries(this.#call.wanted.extra ?? {});
    const extras = { group: 'authentication.k8s.io', resource: 'userextras' };
    if (question.constraint !== '' && extra.length > 0) {
      const problem = checkExtra(extra);
      if (problem !== undefined) return this.#refuse({ ...question, group: extras.group }, extras.resource, '', problem);
      const many = extra.length >= MANY || extra.flatMap(([, values]) => values).length >= MANY;
      if (many && (await this.#part(question, { ...extras, subresource: '*', name: '*' })) === undefined) return undefined;
    }
    for (const [subresource, values] of extra) {
      for (const name of values) {
        const refusal = await this.#part(question, { ...extras, subresource, name });
        if (refusal !== undefined) return refusal;
      }
    }
    return undefined;
  }

  #part({ verb, group }: PersonQuestion, part: Partial<AuthorizationAttributes>): Promise<StatusError | undefined> {
    return this.ask({ ...EMPTY, user: this.#requestor, verb, group, ...part });
  }

  #refuse({ verb, group }: PersonQuestion, resource: string, name: string, why: string): StatusError {
    return forbiddenError({ ...EMPTY, user: this.#requestor, verb, group, resource, name }, why);
  }
}

const EMPTY = {
  isResourceRequest: true,
  namespace: '',
  group: '',
  version: 'v1',
  resource: '',
  subresource: '',
  name: '',
  path: '',
} as const;

/** Everybody is either authenticated or not, whoever asks to be them. */
function withStanding(name: string, groups: readonly string[]): readonly string[] {
  if (name === ANONYMOUS) return groups.includes(ALL_UNAUTHENTICATED) ? groups : [...groups, ALL_UNAUTHENTICATED];
  return groups.includes(ALL_UNAUTHENTICATED) || groups.includes(ALL_AUTHENTICATED) ? groups : [...groups, ALL_AUTHENTICATED];
}
