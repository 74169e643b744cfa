// Authorization checks: `authorizer.group('').resource('pods').namespace('x').check('create').allowed()`.
// Source: apiserver library/authz.go.
import { dns1123Label, dns1123Subdomain } from '../../names.ts';
import type { AuthorizationAnswer, AuthorizationCheck, AuthorizerHost, Value } from '../contract.ts';
import { fail, PendingDecision } from '../errors.ts';
import { member, type Library } from '../functions.ts';
import { BOOL, objectOf, STRING } from '../types.ts';
import { OpaqueValue } from '../values/values.ts';

export const AUTHORIZER = objectOf('kubernetes.authorization.Authorizer', {});
const PATH_CHECK = objectOf('kubernetes.authorization.PathCheck', {});
const GROUP_CHECK = objectOf('kubernetes.authorization.GroupCheck', {});
export const RESOURCE_CHECK = objectOf('kubernetes.authorization.ResourceCheck', {});
const DECISION = objectOf('kubernetes.authorization.Decision', {});

type Question = Omit<AuthorizationCheck, 'verb'>;
const NOTHING: Question = { path: '', group: '', resource: '', subresource: '', namespace: '', name: '' };

/** A question being put together; which type it has says how far it is. */
class Check extends OpaqueValue {
  readonly type;
  readonly asked: Answers;
  readonly question: Question;

  constructor(type: typeof AUTHORIZER, asked: Answers, question: Question) {
    super();
    this.type = type;
    this.asked = asked;
    this.question = question;
  }

  with(part: Partial<Question>, type = this.type): Check {
    return new Check(type, this.asked, { ...this.question, ...part });
  }

  equals(other: Value): boolean {
    return other === this;
  }
}

class Decision extends OpaqueValue {
  readonly type = DECISION;
  readonly answer: AuthorizationAnswer;

  constructor(answer: AuthorizationAnswer) {
    super();
    this.answer = answer;
  }

  equals(other: Value): boolean {
    return other === this;
  }
}

/** What was asked in one evaluation, so that starting again asks nothing twice. */
class Answers {
  readonly #host: AuthorizerHost;
  readonly #known = new Map<string, AuthorizationAnswer>();

  constructor(host: AuthorizerHost) {
    this.#host = host;
  }

  /** @throws PendingDecision while the answer is not there */
  ask(check: AuthorizationCheck): AuthorizationAnswer {
    const key = JSON.stringify(check);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const answer = this.#host.authorize(check);
    if (!(answer instanceof Promise)) {
      this.#known.set(key, answer);
      return answer;
    }
    throw new PendingDecision(answer.then((settled) => this.#known.set(key, settled)));
  }
}

/** The value of the variable `authorizer`: make one for each evaluation, or for several that may share answers. */
export function authorizerValue(host: AuthorizerHost): Value {
  return new Check(AUTHORIZER, new Answers(host), NOTHING);
}

/** The value of `authorizer.requestResource`, from that of `authorizer`. */
export function resourceCheckValue(authorizer: Value, resource: Partial<Question>): Value {
  return authorizer instanceof Check ? authorizer.with(resource, RESOURCE_CHECK) : fail('no such overload');
}

const nonEmpty = (what: string, text: string): string => (text.trim() === '' ? fail(`${what} must not be empty`) : text);

function serviceAccount(check: Check, namespace: string, name: string): Check {
  if (dns1123Subdomain(name).length > 0) return fail('Invalid service account name');
  if (dns1123Label(namespace).length > 0) return fail('Invalid service account namespace');
  return check.with({ serviceAccount: { namespace, name } });
}

const part = (id: string, name: 'subresource' | 'namespace' | 'name' | 'fieldSelector' | 'labelSelector'): Library['functions'][string] => [
  member(id, [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check: Check, text: string) => check.with({ [name]: text })),
];

const decide = ({ asked, question }: Check, verb: string): Decision => new Decision(asked.ask({ ...question, verb }));

export const AUTHORIZERS: Library = {
  functions: {
    path: [
      member('authorizer_path', [AUTHORIZER, STRING], PATH_CHECK, (check: Check, path: string) =>
        check.with({ path: nonEmpty('path', path) }, PATH_CHECK),
      ),
    ],
    group: [
      member('authorizer_group', [AUTHORIZER, STRING], GROUP_CHECK, (check: Check, group: string) => check.with({ group }, GROUP_CHECK)),
    ],
    serviceAccount: [member('authorizer_serviceaccount', [AUTHORIZER, STRING, STRING], AUTHORIZER, serviceAccount)],
    resource: [
      member('groupcheck_resource', [GROUP_CHECK, STRING], RESOURCE_CHECK, (check: Check, resource: string) =>
        check.with({ resource: nonEmpty('resource', resource) }, RESOURCE_CHECK),
      ),
    ],
    subresource: part('resourcecheck_subresource', 'subresource'),
    namespace: part('resourcecheck_namespace', 'namespace'),
    name: part('resourcecheck_name', 'name'),
    fieldSelector: part('authorizer_fieldselector', 'fieldSelector'),
    labelSelector: part('authorizer_labelselector', 'labelSelector'),
    check: [
      member('pathcheck_check', [PATH_CHECK, STRING], DECISION, decide),
      member('resourcecheck_check', [RESOURCE_CHECK, STRING], DECISION, decide),
    ],
    errored: [member('decision_errored', [DECISION], BOOL, ({ answer }: Decision) => answer.error !== '')],
    error: [member('decision_error', [DECISION], STRING, ({ answer }: Decision) => answer.error)],
    allowed: [member('decision_allowed', [DECISION], BOOL, ({ answer }: Decision) => answer.decision === 'allow')],
    reason: [member('decision_reason', [DECISION], STRING, ({ answer }: Decision) => answer.reason)],
  },
};
