// Conversion by webhook: one review for all objects that need it. Source: apiextensions pkg/apiserver/conversion.
import type { CustomResourceDefinition, KubeObject } from '#api/types.ts';
import { internalError, StatusError } from '#apimachinery/errors.ts';
import type { Ids } from '#base/ids.ts';
import { OutboundError } from '../../outbound/contract.ts';
import { callWebhook, type WebhookClientDeps } from '../../outbound/webhook-client.ts';
import type { ConvertByWebhook } from '../form.ts';
import { ConversionError, conversionReview, convertedObjects, gvkOf, reviewVersion } from './review.ts';

/** Source: webhook.ClientManager's default timeout. */
const TIMEOUT_MS = 30_000;
/** Objects of one review: what is listed at once may be many, and the answer is bounded. */
const MAX_OBJECTS = 500;

export interface ConversionDeps extends WebhookClientDeps {
  readonly ids: Ids;
  readonly signal: AbortSignal;
}

/** Undefined for a definition whose versions differ in nothing but their names. */
export function conversionWebhook({ spec }: CustomResourceDefinition, deps: ConversionDeps): ConvertByWebhook | undefined {
  const { strategy, webhook } = spec.conversion;
  const config = webhook?.clientConfig;
  if (strategy !== 'Webhook' || config === undefined) return undefined;
  const versions = webhook?.conversionReviewVersions ?? [];

  async function review(objects: readonly KubeObject[], apiVersion: string): Promise<readonly KubeObject[]> {
    const version = reviewVersion(versions);
    const uid = deps.ids.uuid();
    const body = conversionReview(version, uid, objects, apiVersion);
    const answer = await callWebhook(config ?? {}, { body, timeoutMs: TIMEOUT_MS, signal: deps.signal }, deps);
    return convertedObjects(answer, { version, uid, objects, apiVersion });
  }

  return async (objects, apiVersion) => {
    const asked = objects.filter((object) => object.apiVersion !== apiVersion);
    const converted: KubeObject[] = [];
    for (let start = 0; start < asked.length; start += MAX_OBJECTS) {
      const part = asked.slice(start, start + MAX_OBJECTS);
      try {
        converted.push(...(await review(part, apiVersion)));
      } catch (error) {
        throw refusal(error, part[0] as KubeObject);
      }
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
