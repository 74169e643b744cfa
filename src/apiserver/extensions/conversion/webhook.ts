// Conversion by webhook: one review for all objects that need it. Source: apiextensions pkg/apiserver/conversion.
import type { CustomResourceDefinition, KubeObject } from '#api/types.ts';
import { internalError, StatusError } from '#apimachinery/errors.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { OutboundError } from '../../outbound/contract.ts';
import { callWebhook, type WebhookClientDeps } from '../../outbound/webhook-client.ts';
import type { ConvertByWebhook } from '../form.ts';
import type { ConversionFailure, ConversionMetrics } from './metrics.ts';
import { ConversionError, conversionReview, convertedObjects, gvkOf, reviewVersion } from './review.ts';

/** Source: webhook.ClientManager's default timeout. */
const TIMEOUT_MS = 30_000;
/** Objects of one review: what is listed at once may be many, and the answer is bounded. */
const MAX_OBJECTS = 500;

export interface ConversionDeps extends WebhookClientDeps {
  readonly ids: Ids;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly metrics: ConversionMetrics;
}

/** Undefined for a definition whose versions differ in nothing but their names. */
export function conversionWebhook({ metadata, spec }: CustomResourceDefinition, deps: ConversionDeps): ConvertByWebhook | undefined {
  const { strategy, webhook } = spec.conversion;
  const config = webhook?.clientConfig;
  if (strategy !== 'Webhook' || config === undefined) return undefined;
  const versions = webhook?.conversionReviewVersions ?? [];

  async function review(objects: readonly KubeObject[], apiVersion: string, signal: AbortSignal): Promise<readonly KubeObject[]> {
    const version = reviewVersion(versions);
    const uid = deps.ids.uuid();
    const body = conversionReview(version, uid, objects, apiVersion);
    const answer = await callWebhook(config ?? {}, { body, timeoutMs: TIMEOUT_MS, signal }, deps);
    return convertedObjects(answer, { version, uid, objects, apiVersion });
  }

  async function observed(objects: readonly KubeObject[], apiVersion: string, signal: AbortSignal): Promise<readonly KubeObject[]> {
    const [first] = objects as readonly [KubeObject];
    const started = deps.clock.monotonic();
    const note = (failure: ConversionFailure | undefined): void => {
      const [from, to] = [parseApiVersion(first.apiVersion).version, parseApiVersion(apiVersion).version];
      deps.metrics.observe({ definition: metadata.name, from, to, ms: deps.clock.monotonic() - started, failure });
    };
    try {
      const converted = await review(objects, apiVersion, signal);
      note(undefined);
      return converted;
    } catch (error) {
      note(error instanceof ConversionError ? error.failure : 'call');
      throw refusal(error, first);
    }
  }

  return async (objects, apiVersion, asked) => {
    const signal = asked === undefined ? deps.signal : AbortSignal.any([deps.signal, asked]);
    const others = objects.filter((object) => object.apiVersion !== apiVersion);
    const converted: KubeObject[] = [];
    for (let start = 0; start < others.length; start += MAX_OBJECTS) {
      converted.push(...(await observed(others.slice(start, start + MAX_OBJECTS), apiVersion, signal)));
    }
    const answers = converted.values();
    return objects.map((object) => (object.apiVersion === apiVersion ? object : (answers.next().value as KubeObject)));
  };
}

function refusal(error: unknown, object: KubeObject): StatusError {
  const what = `conversion webhook for ${gvkOf(object)}`;
  if (error instanceof ConversionError) return internalError(new Error(`${what} ${error.message}`));
  if (error instanceof StatusError || error instanceof OutboundError) return internalError(new Error(`${what} failed: ${error.message}`));
  throw error;
}
