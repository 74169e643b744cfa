// pure
// What is asked of a conversion webhook, and what its answer is worth. Source: webhook_converter.go
// createConversionReviewObjects, getConvertedObjectsFromResponse, Convert.
import type { KubeObject } from '#api/types.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import { differentObject, restoredMetadata } from './metadata.ts';
import type { ConversionFailure } from './metrics.ts';

const GROUP = 'apiextensions.k8s.io';
const KNOWN = ['v1', 'v1beta1'];

/** The answer cannot be used; the message says why, without naming the webhook. */
export class ConversionError extends Error {
  override readonly name = 'ConversionError';
  readonly failure: ConversionFailure;

  constructor(message: string, failure: ConversionFailure) {
    super(message);
    this.failure = failure;
  }
}

/** The version of ConversionReview both sides know, first in the webhook's order. @throws ConversionError */
export function reviewVersion(versions: readonly string[]): string {
  const version = versions.find((one) => KNOWN.includes(one));
  if (version === undefined) throw new ConversionError('failed: no supported conversion review versions', 'call');
  return version;
}

export const conversionReview = (version: string, uid: string, objects: readonly KubeObject[], desiredAPIVersion: string): object => ({
  kind: 'ConversionReview',
  apiVersion: `${GROUP}/${version}`,
  request: { uid, desiredAPIVersion, objects },
});

/**
 * The objects of an answer, each with the metadata of the one it was made of.
 * @throws ConversionError
 */
export function convertedObjects(
  answer: unknown,
  {
    version,
    uid,
    objects,
    apiVersion,
  }: { readonly version: string; readonly uid: string; readonly objects: readonly KubeObject[]; readonly apiVersion: string },
): readonly KubeObject[] {
  const found = responseObjects(answer, version, uid);
  if (found.length !== objects.length)
    throw new ConversionError(`returned ${found.length} objects, expected ${objects.length}`, 'partial_response');
  return objects.map((original, i) => checked(original, found[i], apiVersion, objects.length === 1 ? undefined : i));
}

function responseObjects(answer: unknown, version: string, uid: string): readonly unknown[] {
  const review = isObject(answer) ? answer : {};
  const response = isObject(review['response']) ? review['response'] : undefined;
  if (version === 'v1') {
    const { apiVersion = '', kind = '' } = review as { readonly apiVersion?: string; readonly kind?: string };
    const expected = { ...parseApiVersion(`${GROUP}/v1`), kind: 'ConversionReview' };
    if (apiVersion !== `${GROUP}/v1` || kind !== 'ConversionReview')
      throw new ConversionError(
        `failed: expected webhook response of ${gvk(expected)}, got ${gvk({ ...parseApiVersion(apiVersion), kind })}`,
        'malformed_response',
      );
  }
  if (response === undefined) throw new ConversionError('failed: no response provided', 'malformed_response');
  if (version === 'v1' && response['uid'] !== uid)
    throw new ConversionError(
      `failed: expected response.uid=${goQuote(uid)}, got ${goQuote(String(response['uid'] ?? ''))}`,
      'malformed_response',
    );
  const result = isObject(response['result']) ? response['result'] : {};
  const { status = '', message = '' } = result as { readonly status?: string; readonly message?: string };
  if (status !== 'Success')
    throw new ConversionError(
      `failed: ${message === '' ? `response.result.status was '${status}', not 'Success'` : message}`,
      'malformed_response',
    );
  return Array.isArray(response['convertedObjects']) ? (response['convertedObjects'] as readonly unknown[]) : [];
}

const gvk = ({ group, version, kind }: { readonly group: string; readonly version: string; readonly kind: string }): string =>
  `${group}/${version}, Kind=${kind}`;

/** Source: schema.GroupVersionKind.String of an object. */
export const gvkOf = ({ apiVersion, kind }: KubeObject): string => gvk({ ...parseApiVersion(apiVersion), kind });

const INVALID = 'invalid_converted_object';

/** @param index of several objects */
function checked(original: KubeObject, converted: unknown, apiVersion: string, index: number | undefined): KubeObject {
  const what = index === undefined ? 'invalid object' : `invalid converted object at index ${index}`;
  if (!isObject(converted))
    throw new ConversionError(`returned ${what}: Object 'Kind' is missing in '${JSON.stringify(converted ?? null)}'`, INVALID);
  const object: JsonObject = converted;
  const at = index === undefined ? 'invalid object at index 0' : what;
  if (object['apiVersion'] !== apiVersion)
    throw new ConversionError(
      `returned ${at}: invalid groupVersion (expected ${apiVersion}, received ${String(object['apiVersion'] ?? '')})`,
      INVALID,
    );
  if (object['kind'] !== original.kind)
    throw new ConversionError(
      `returned ${at}: invalid kind (expected ${original.kind}, received ${String(object['kind'] ?? '')})`,
      INVALID,
    );
  const different = differentObject(original, object);
  if (different !== undefined) throw new ConversionError(`returned ${what}: ${different}`, INVALID);
  const restored = restoredMetadata(original, object);
  if ('problem' in restored)
    throw new ConversionError(
      `returned invalid metadata${index === undefined ? '' : ` in object at index ${index}`}: ${restored.problem}`,
      INVALID,
    );
  return restored.object;
}
