// Asks one webhook about one write. Source: mutating callAttrMutatingHook, validating callHook.
import { badRequest, internalError, isStatusError, StatusError, type StatusDetails } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { OutboundError } from '../../outbound/contract.ts';
import type { RequestContext } from '../../request.ts';
import { callWebhook, type WebhookClientDeps } from '../../outbound/webhook-client.ts';
import type { AdmissionMetrics } from '../metrics.ts';
import type { Hook } from './hook.ts';
import { ReviewError, reviewOf, reviewVersion, verdictOf, type ReviewSubject, type Verdict } from './review.ts';

export interface CallDeps extends WebhookClientDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly metrics: AdmissionMetrics;
}

/** The webhook could not be asked, or gave no answer that means anything. Source: webhookutil.ErrCallingWebhook. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  /** HTTP status, for metrics. */
  readonly code: number;
  /** The caller went away: not the webhook's fault. */
  readonly canceled: boolean;

  constructor(hook: Hook, why: string, code: number, canceled = false) {
    super(`failed calling webhook ${goQuote(hook.name)}: ${why}`);
    this.code = code;
    this.canceled = canceled;
  }
}

/** The webhook has judged, and said no. Source: webhookutil.ErrWebhookRejection. */
export class Rejection extends Error {
  override readonly name = 'Rejection';
  readonly status: StatusError;

  constructor(status: StatusError) {
    super(status.message);
    this.status = status;
  }
}

/**
 * The verdict of a webhook that admits; warnings and annotations are handed on either way.
 * @throws CallFailure, Rejection; StatusError BadRequest for a dry run it does not support
 */
export async function ask(hook: Hook, subject: ReviewSubject, deps: CallDeps): Promise<Verdict> {
  const { attributes } = subject;
  const { request } = attributes;
  if (attributes.dryRun && !hook.dryRun) throw badRequest(`admission webhook ${goQuote(hook.name)} does not support dry run`);
  const version = reviewVersion(hook.reviewVersions);
  if (version === undefined) {
    const why = 'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)';
    throw new CallFailure(hook, why, 400);
  }
  const uid = deps.ids.uuid();
  const answer = await answerOf(hook, reviewOf(version, uid, subject), request, deps);
  let verdict: Verdict;
  try {
    verdict = verdictOf(answer, { version, uid, mutating: hook.phase === 'admit' });
  } catch (error) {
    if (!(error instanceof ReviewError)) throw error;
    throw new CallFailure(
      hook,
      `${error.stage === 'decode' ? 'failed to call webhook' : 'received invalid webhook response'}: ${error.message}`,
      503,
    );
  }
  for (const [key, value] of Object.entries(verdict.auditAnnotations)) {
    const whole = `${hook.name}/${key}`;
    if (qualifiedName(whole).length === 0) request.audit.add(whole, value);
    else request.logger.warn('a webhook gave an audit annotation whose key cannot be one', { webhook: hook.name, key });
  }
  for (const text of verdict.warnings) request.warnings.add(text);
  if (!verdict.allowed) throw new Rejection(denial(hook.name, verdict.result));
  return verdict;
}

/** @throws CallFailure */
async function answerOf(
  hook: Hook,
  body: object,
  { signal, span: parent, limitMs, elapsedMs }: RequestContext,
  deps: CallDeps,
): Promise<unknown> {
  const remainingMs = limitMs === undefined ? undefined : Math.max(0, limitMs - elapsedMs);
  const span = parent?.child(`Call ${hook.phase === 'admit' ? 'mutating' : 'validating'} webhook`, { webhook: hook.name });
  try {
    const headers = span?.headers() ?? {};
    const answer = await callWebhook(hook.client, { body, timeoutMs: hook.timeoutMs, remainingMs, signal, headers }, deps);
    span?.end();
    return answer;
  } catch (error) {
    span?.end({}, String(error));
    const why = (text: string): string => `failed to call webhook: ${text}`;
    if (isStatusError(error)) throw new CallFailure(hook, why(error.message), error.code);
    if (error instanceof OutboundError) throw new CallFailure(hook, why(error.message), 503, error.kind === 'canceled');
    throw error;
  }
}

/** Code, reason and details are the webhook's; its message comes after who says so. Source: webhookerrors.ToStatusErr. */
export function denial(webhook: string, result: Verdict['result']): StatusError {
  const { message = '', reason = '', code = 0, details } = result ?? {};
  const by = `admission webhook ${goQuote(webhook)} denied the request`;
  const said = message !== '' ? message : reason;
  return StatusError.fromStatus({
    message: said === '' ? `${by} without explanation` : `${by}: ${said}`,
    reason,
    ...(details === undefined ? {} : { details: details as StatusDetails }),
    code: Math.max(code, 400),
  });
}

/** Runs `work` and counts how the webhook did. */
export async function counted<T>(hook: Hook, subject: ReviewSubject, deps: CallDeps, work: () => Promise<T>): Promise<T> {
  const { metrics, clock } = deps;
  const started = clock.monotonic();
  const { name, phase } = hook;
  const { operation, request } = subject.attributes;
  const outcome = (code: number, rejection: Parameters<AdmissionMetrics['webhook']>[0]['rejection']): void => {
    const ms = clock.monotonic() - started;
    request.waited(ms);
    metrics.webhook({ name, type: phase, operation, ms, code, rejection });
  };
  try {
    const result = await work();
    outcome(200, undefined);
    return result;
  } catch (error) {
    if (error instanceof CallFailure) outcome(error.code, hook.failOpen ? undefined : 'calling_webhook_error');
    else if (error instanceof Rejection) outcome(error.status.code, 'no_error');
    else outcome(0, 'apiserver_internal_error');
    throw error;
  }
}

/** What the client hears of `error`; undefined when the webhook is to be passed over. */
export function consequence(
  hook: Hook,
  error: unknown,
  subject: ReviewSubject,
  auditKey: string,
  { metrics }: CallDeps,
): Error | undefined {
  const { request } = subject.attributes;
  if (error instanceof Rejection) return error.status;
  if (!(error instanceof CallFailure)) return error as Error;
  if (!hook.failOpen) {
    request.logger.warn('failed calling webhook, failing closed', { webhook: hook.name, error });
    return internalError(error);
  }
  if (!error.canceled) {
    request.logger.warn('failed calling webhook, failing open', { webhook: hook.name, error });
    metrics.failOpen.of(hook.name, hook.phase).add();
    request.audit.add(auditKey, hook.name);
  }
  if (request.signal.aborted) return new StatusError('Timeout', 'Timeout: request did not complete within requested timeout', {});
  return undefined;
}
