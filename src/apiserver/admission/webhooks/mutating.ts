// MutatingAdmissionWebhook: one webhook after the other, each sees what those before it made of the object.
// Source: pkg/admission/plugin/webhook/mutating.
import { mutatingwebhookconfigurations } from '#api/resources.ts';
import { DecodeError } from '#api/decode.ts';
import type { KubeObject } from '#api/types.ts';
import { internalError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { applyJsonPatch } from '#apimachinery/json-patch.ts';
import { decodeJsonPatch, JsonPatchError, type JsonPatch } from '#apimachinery/json-patch-decode.ts';
import { deepEqual, type JsonObject } from '#apimachinery/json-value.ts';
import { JsonError, parseJson } from '#apimachinery/json.ts';
import type { AdmissionAttributes, MutatingPlugin } from '../contract.ts';
import { ask, CallFailure, consequence, counted, type CallDeps } from './call.ts';
import type { Hook } from './hook.ts';
import { invocationOf, subjectOf, type InvocationDeps } from './match.ts';
import type { ReviewSubject, Verdict } from './review.ts';
import { isExempt } from './rules.ts';
import { HookSource } from './source.ts';

export type WebhookDeps = CallDeps & InvocationDeps;

const NAME = 'MutatingAdmissionWebhook';
/** Source: MutationAuditAnnotationPrefix, PatchAuditAnnotationPrefix. */
const MUTATION = 'mutation.webhook.admission.k8s.io/';
const PATCH = 'patch.webhook.admission.k8s.io/';

/** What the first round leaves for the second. Source: webhookReinvokeContext. */
interface Memory {
  lastOutput: KubeObject | undefined;
  /** Reinvocable webhooks called before the last change. */
  invoked: Set<string>;
  /** Of them, those to call again. */
  again: Set<string>;
}

export function mutatingWebhooks(deps: WebhookDeps): MutatingPlugin {
  const source = new HookSource(deps.reader, mutatingwebhookconfigurations, 'admit');
  return {
    name: NAME,
    operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
    admit(attributes) {
      const hooks = source.hooks();
      if (hooks.length === 0 || isExempt(attributes.kind)) return undefined;
      return admitAll(hooks, attributes, deps);
    },
  };
}

async function admitAll(hooks: readonly Hook[], attributes: AdmissionAttributes, deps: WebhookDeps): Promise<KubeObject | undefined> {
  const { rounds } = attributes;
  const round = rounds?.round ?? 0;
  const memory = (rounds?.memory.get(NAME) as Memory | undefined) ?? { lastOutput: undefined, invoked: new Set(), again: new Set() };
  rounds?.memory.set(NAME, memory);
  if (round === 1 && !deepEqual(memory.lastOutput, attributes.object)) callAgain(memory);

  let current = attributes;
  try {
    for (const [index, hook] of hooks.entries()) {
      const form = await invocationOf(hook, current, deps);
      if (form === undefined || (round === 1 && !memory.again.has(hook.uid))) continue;
      const subject = await subjectOf(current, form, deps);
      const changed = await mutatedBy(hook, subject, `round_${round}_index_${index}`, deps);
      if (changed !== undefined) {
        current = { ...current, object: await deps.versions.taken(changed, current, form) };
        callAgain(memory);
        rounds?.runAgain();
      }
      if (hook.reinvocable) memory.invoked.add(hook.uid);
    }
  } finally {
    memory.lastOutput = current.object;
  }
  return current.object === attributes.object ? undefined : current.object;
}

function callAgain(memory: Memory): void {
  for (const uid of memory.invoked) memory.again.add(uid);
  memory.invoked = new Set();
}

/** The object as the webhook wants it, undefined when it changes nothing. @throws StatusError */
async function mutatedBy(hook: Hook, subject: ReviewSubject, place: string, deps: WebhookDeps): Promise<KubeObject | undefined> {
  const { audit } = subject.attributes.request;
  const { configuration, name } = hook;
  let changed: KubeObject | undefined;
  let failure: unknown;
  try {
    changed = await counted(hook, subject, deps, async () => {
      const patch = patchOf(hook, await ask(hook, subject, deps));
      if (patch.length === 0) return undefined;
      const object = patched(hook, patch, subject, deps);
      audit.add(PATCH + place, JSON.stringify({ configuration, webhook: name, patch, patchType: 'JSONPatch' }), 'Request');
      return deepEqual(object, subject.object) ? undefined : object;
    });
  } catch (error) {
    failure = error;
  }
  audit.add(MUTATION + place, JSON.stringify({ configuration, webhook: name, mutated: changed !== undefined }));
  if (failure !== undefined) {
    const consequential = consequence(hook, failure, subject, `failed-open.${MUTATION}${place}`, deps);
    if (consequential !== undefined) throw consequential;
  }
  return changed;
}

/** @throws CallFailure */
function patchOf(hook: Hook, { patch, patchType }: Verdict): JsonPatch {
  if (patch.length === 0) return [];
  let operations: JsonPatch;
  try {
    operations = decodeJsonPatch(parseJson(patch.toString('utf8')));
  } catch (error) {
    if (!(error instanceof JsonPatchError || error instanceof JsonError)) throw error;
    throw new CallFailure(hook, `received undecodable patch in webhook response: ${error.message}`, 503);
  }
  if (operations.length > 0 && patchType !== 'JSONPatch') throw new CallFailure(hook, `unsupported patch type ${goQuote(patchType)}`, 400);
  return operations;
}

/** @throws StatusError InternalError: a patch that does not fit is nothing to pass over, whatever the failure policy */
function patched(hook: Hook, patch: JsonPatch, { object, form }: ReviewSubject, { versions, clock }: WebhookDeps): KubeObject {
  if (object === undefined) {
    const why = `admission webhook ${goQuote(hook.name)} attempted to modify the object, which is not supported for this operation`;
    throw internalError(new Error(why));
  }
  try {
    return versions.complete(applyJsonPatch(object as unknown as JsonObject, patch), form, clock.now());
  } catch (error) {
    if (error instanceof JsonPatchError || error instanceof DecodeError) throw internalError(error);
    throw error;
  }
}
