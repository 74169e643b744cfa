// Who may do what. Implementations fill this folder; the authorisation stage (../stages/authorization.ts) asks the one Authorizer it is given.
import type { FieldSelectorRequirement, LabelSelectorRequirement } from '#api/gen/meta-v1.ts';
import type { UserInfo } from '../authentication/contract.ts';

/** One question. For a resource request `path` is empty, otherwise only `verb` and `path` are set. Source: authorizer.Attributes. */
export interface AuthorizationAttributes {
  readonly user: UserInfo;
  /** As RequestInfo.verb; also verbs without a request of their own: bind, escalate, impersonate, use, approve, sign, … */
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly namespace: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Decoded path of a non-resource request. */
  readonly path: string;
  /**
   * For authorisation by selector: unparsed as a list, watch or deletecollection says it, or what a review requires, in its words.
   * Requirements of fields name one value each.
   */
  readonly fieldSelector?: string | readonly FieldSelectorRequirement[];
  readonly labelSelector?: string | readonly LabelSelectorRequirement[];
}

/**
 * - `allow` and `deny` end the question;
 * - `noOpinion` asks the next authoriser, and refuses when there is none.
 *
 * `reason` goes to the client of a refused request and to the audit event; it may be empty.
 */
export interface AuthorizationDecision {
  readonly decision: 'allow' | 'deny' | 'noOpinion';
  readonly reason: string;
  /** The authoriser could not look at everything. Without an `allow` the answer is then 500 instead of 403. */
  readonly error?: Error;
}

/** On whose behalf is asked: a RequestContext, or an AbortController. Few authorisers look at its signal, so it is made late. */
export interface Caller {
  /** Ends the question. */
  readonly signal: AbortSignal;
}

/** Synchronous answers are welcome: this is on the path of every request. Must not throw for any input. */
export interface Authorizer {
  authorize(attributes: AuthorizationAttributes, caller?: Caller): AuthorizationDecision | Promise<AuthorizationDecision>;
}

export interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface NonResourceRule {
  readonly verbs: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

/** What one user may do in one namespace: answers SelfSubjectRulesReview and escalation checks. Source: authorizer.RuleResolver. */
export interface RuleResolver {
  rulesFor(
    user: UserInfo,
    namespace: string,
  ): {
    readonly resourceRules: readonly ResourceRule[];
    readonly nonResourceRules: readonly NonResourceRule[];
    /** Some source of rules could not be read or cannot list its rules. */
    readonly incomplete: boolean;
    readonly evaluationError?: string;
  };
}

export const ALLOW: AuthorizationDecision = { decision: 'allow', reason: '' };
export const NO_OPINION: AuthorizationDecision = { decision: 'noOpinion', reason: '' };
