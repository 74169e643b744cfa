// Whether a webhook is to be asked about a write, and in which form. Source: generic Webhook.ShouldCallHook.
import { namespaces } from '#api/resources.ts';
import type { KubeObject } from '#api/types.ts';
import { forbidden, notFound } from '#apimachinery/errors.ts';
import type { Labels } from '#apimachinery/label-requirement.ts';
import type { LabelSelector } from '#apimachinery/labels.ts';
import type { Authorizer } from '../../authorization/contract.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { AdmissionAttributes } from '../contract.ts';
import type { AdmissionMetrics } from '../metrics.ts';
import { matchConditions } from '../policies/conditions.ts';
import { authorizerOf } from '../policies/evaluation.ts';
import type { Hook } from './hook.ts';
import type { ReviewSubject } from './review.ts';
import { ruleCovers } from './rules.ts';
import type { Form, Versions } from './versions.ts';

export interface MatchDeps {
  readonly reader: CacheReader;
  readonly versions: Versions;
}

export interface InvocationDeps extends MatchDeps {
  /** Whom conditions may ask. */
  readonly authorizer: Authorizer;
  readonly metrics: AdmissionMetrics;
}

/** @throws StatusError NotFound for a namespace nobody knows, Forbidden for conditions that cannot be evaluated and fail closed */
export async function invocationOf(hook: Hook, attributes: AdmissionAttributes, deps: InvocationDeps): Promise<Form | undefined> {
  if (!matchesObject(hook.objects, attributes)) return undefined;
  const form = formFor(hook, attributes, deps.versions);
  if (form === undefined) return undefined;
  if (!(await matchesNamespace(hook.namespaces, attributes, deps))) return undefined;
  return hook.conditions.length === 0 || (await meetsConditions(hook, attributes, form, deps)) ? form : undefined;
}

/** Either of the two: an object that loses the label is still the webhook's business. */
export function matchesObject(selector: LabelSelector, { object, oldObject }: AdmissionAttributes): boolean {
  const matches = (one: KubeObject | undefined): boolean => {
    const metadata: Partial<KubeObject['metadata']> | undefined = one?.metadata;
    return metadata !== undefined && selector.matches(metadata.labels);
  };
  return selector.empty || matches(object) || matches(oldObject);
}

function formFor({ rules, equivalent }: Hook, attributes: AdmissionAttributes, versions: Versions): Form | undefined {
  if (rules.some((rule) => ruleCovers(rule, attributes))) return versions.asMade(attributes);
  if (!equivalent) return undefined;
  const others = versions.equivalents(attributes.resource, attributes.subresource);
  for (const rule of rules) for (const form of others) if (ruleCovers(rule, { ...attributes, resource: form.resource })) return form;
  return undefined;
}

/** Source: namespace.Matcher MatchNamespaceSelector. */
export async function matchesNamespace(selector: LabelSelector, attributes: AdmissionAttributes, deps: MatchDeps): Promise<boolean> {
  const { namespace, resource } = attributes;
  if (selector.empty || (namespace === '' && resource.resource !== 'namespaces')) return true;
  return selector.matches(await namespaceLabels(attributes, deps));
}

async function namespaceLabels(
  { operation, resource, subresource, object, namespace }: AdmissionAttributes,
  { reader }: MatchDeps,
): Promise<Labels | undefined> {
  // A namespace as it will be, where it is itself written.
  if (resource.resource === 'namespaces' && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'))
    return object?.metadata.labels;
  const known = reader.get(namespaces, namespace);
  if (known !== undefined) return known.metadata.labels;
  await reader.caughtUp();
  const found = reader.get(namespaces, namespace);
  if (found === undefined) throw notFound(namespaces, namespace);
  return found.metadata.labels;
}

/** @throws StatusError Forbidden. Source: matchconditions matcher.Match. */
async function meetsConditions(hook: Hook, attributes: AdmissionAttributes, form: Form, deps: InvocationDeps): Promise<boolean> {
  const { conditions, failOpen, name, phase } = hook;
  const { authorizer, metrics } = deps;
  const subject = await subjectOf(attributes, form, deps);
  const inputs = { subject, params: undefined, namespace: undefined, authorizer: authorizerOf(attributes, authorizer) };
  const match = await matchConditions(conditions, new Map(), inputs);
  if (match === 'yes') return true;
  if (match === 'no') {
    metrics.matchConditionExclusions.of(name, 'webhook', phase, attributes.operation).add();
    return false;
  }
  metrics.matchConditionErrors.of(name, 'webhook', phase, attributes.operation).add();
  if (failOpen) return false;
  throw forbidden(attributes.resource, attributes.name, match.error);
}

/** The write in the form the webhook is told of it. */
export async function subjectOf(attributes: AdmissionAttributes, form: Form, { versions }: MatchDeps): Promise<ReviewSubject> {
  const shown = async (object: KubeObject | undefined): Promise<KubeObject | undefined> =>
    object === undefined ? undefined : versions.shown(object, attributes, form);
  const [object, oldObject] = [await shown(attributes.object), await shown(attributes.oldObject)];
  return { attributes, form, made: versions.asMade(attributes), object, oldObject };
}
