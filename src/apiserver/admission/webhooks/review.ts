// The AdmissionReview that is sent and the one that comes back. Source: webhook/request admissionreview.go.
import { decodeValue, DecodeError } from '#api/decode.ts';
import type { AdmissionRequest, AdmissionResponse, AdmissionReview } from '#api/gen/admission-v1.ts';
import { schemaOfDefinition } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { isObject } from '#apimachinery/json-value.ts';
import type { AdmissionAttributes } from '../contract.ts';
import type { Form } from './versions.ts';

/** Of v1beta1 too, whose fields are the same. */
const REVIEW = schemaOfDefinition('io.k8s.api.admission.v1.AdmissionReview');
const GROUP = 'admission.k8s.io';

type ReviewVersion = 'v1' | 'v1beta1';

/** The first version of the webhook's that we speak, too; undefined when there is none. */
export const reviewVersion = (offered: readonly string[]): ReviewVersion | undefined =>
  offered.find((version): version is ReviewVersion => version === 'v1' || version === 'v1beta1');

export interface ReviewSubject {
  readonly attributes: AdmissionAttributes;
  /** As the webhook is told. */
  readonly form: Form;
  /** As the client made it. */
  readonly made: Form;
  /** In the version of `form`. */
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
}

/** Everything but the objects: also what match conditions call `request`. */
export function requestOf({
  attributes,
  form,
  made,
}: Pick<ReviewSubject, 'attributes' | 'form' | 'made'>): Omit<AdmissionRequest, 'uid' | 'object' | 'oldObject'> {
  const { name, namespace, operation, user, dryRun, options, subresource } = attributes;
  const { name: username, uid = '', groups, extra = {} } = user;
  return {
    kind: form.kind,
    resource: form.resource,
    ...(subresource === '' ? {} : { subResource: subresource }),
    requestKind: made.kind,
    requestResource: made.resource,
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: {
      username,
      ...(uid === '' ? {} : { uid }),
      ...(groups.length === 0 ? {} : { groups }),
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    },
    dryRun,
    options: (options ?? null) as never,
  };
}

export function reviewOf(version: ReviewVersion, uid: string, subject: ReviewSubject): object {
  const { object = null, oldObject = null } = subject;
  const { options, ...rest } = requestOf(subject);
  return { kind: 'AdmissionReview', apiVersion: `${GROUP}/${version}`, request: { uid, ...rest, object, oldObject, options } };
}

export interface Verdict {
  readonly allowed: boolean;
  /** Bytes of a JSON patch; empty for none. */
  readonly patch: Buffer;
  readonly patchType: string;
  readonly result: AdmissionResponse['status'];
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** The answer is no answer to the question. */
export class ReviewError extends Error {
  override readonly name = 'ReviewError';
  /** `decode`: it is no AdmissionReview. `verify`: it is one, and a wrong one. */
  readonly stage: 'decode' | 'verify';

  constructor(stage: 'decode' | 'verify', message: string) {
    super(message);
    this.stage = stage;
  }
}

export interface Question {
  readonly version: ReviewVersion;
  readonly uid: string;
  readonly mutating: boolean;
}

/** @throws ReviewError */
export function verdictOf(answer: unknown, { version, uid, mutating }: Question): Verdict {
  const response = responseOf(answer);
  if (response === undefined) throw new ReviewError('verify', 'webhook response was absent');
  if (version === 'v1') {
    if (response.uid !== uid)
      throw new ReviewError('verify', `expected response.uid=${goQuote(uid)}, got ${goQuote(response.uid as string)}`);
    const { apiVersion = '', kind = '' } = answer as Partial<AdmissionReview>;
    const slash = apiVersion.indexOf('/');
    const [group, given] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
    if (group !== GROUP || given !== 'v1' || kind !== 'AdmissionReview')
      throw new ReviewError(
        'verify',
        `expected webhook response of ${GROUP}/v1, Kind=AdmissionReview, got ${group}/${given}, Kind=${kind}`,
      );
  }
  const patch = patchOf(response, version, mutating);
  const { allowed, status, warnings = [], auditAnnotations = {} } = response;
  return { allowed, ...patch, result: status, warnings, auditAnnotations };
}

/** @throws ReviewError */
function responseOf(answer: unknown): AdmissionResponse | undefined {
  if (!isObject(answer)) throw new ReviewError('decode', `couldn't get version/kind; json parse error: the answer is no object`);
  // The Status of a refusal is named `status` here, and its reason and code are the webhook's own.
  try {
    return decodeValue<AdmissionReview>(answer, REVIEW, { fieldValidation: 'Ignore' }).object.response;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ReviewError('decode', error.message);
  }
}

const NO_PATCH = { patch: Buffer.alloc(0), patchType: '' } as const;

function patchOf(
  { patch = '', patchType }: AdmissionResponse,
  version: ReviewVersion,
  mutating: boolean,
): Pick<Verdict, 'patch' | 'patchType'> {
  const bytes = Buffer.from(patch, 'base64');
  if (version === 'v1beta1') return mutating && bytes.length > 0 ? { patch: bytes, patchType: 'JSONPatch' } : NO_PATCH;
  if (!mutating) {
    if (bytes.length > 0) throw new ReviewError('verify', 'validating webhook may not return response.patch');
    if (patchType !== undefined) throw new ReviewError('verify', 'validating webhook may not return response.patchType');
    return NO_PATCH;
  }
  if (bytes.length > 0 && patchType === undefined)
    throw new ReviewError('verify', 'webhook returned response.patch but not response.patchType');
  if (bytes.length === 0 && patchType !== undefined)
    throw new ReviewError('verify', 'webhook returned response.patchType but not response.patch');
  if (patchType === '') throw new ReviewError('verify', 'webhook returned invalid response.patchType of ""');
  return { patch: bytes, patchType: patchType ?? '' };
}
