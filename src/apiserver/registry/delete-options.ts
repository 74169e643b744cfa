// DeleteOptions, from a body or the query. Pure. Source: metav1.DeleteOptions and ValidateDeleteOptions.
import type { Int64 } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import { invalid, notSupported, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { interpretKind } from '#api/decode-body.ts';
import { decodeValue, DecodeError } from '#api/decode.ts';
import { apiVersionOf } from '#apimachinery/resource.ts';
import { schemaOfDefinition } from '#api/schema.ts';
import type { Query } from '../request.ts';
import type { WriteOptions } from './write-call.ts';
import { isTrue } from '../stages/request-info.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: Int64;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  /** Older form of propagationPolicy. */
  readonly orphanDependents?: boolean;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly dryRun?: readonly string[];
  readonly ignoreStoreReadErrorWithClusterBreakingPotential?: boolean;
}

/** How upstream names the scheme of options in errors. */
const SCHEME = 'k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27';
const DEFINITION = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

/** @throws StatusError BadRequest. `value` undefined: there was no body, and the query says it. */
export function parseDeleteOptions(value: unknown, query: Query): DeleteOptions {
  const options = value === undefined ? fromQuery(query) : fromBody(value);
  const errors = problems(options);
  if (errors.length > 0) throw toStatusError({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  return options;
}

/** What the write path and admission need to know of them. */
export function deleteWriteOptions(options: DeleteOptions): WriteOptions {
  return {
    kind: 'DeleteOptions',
    dryRun: (options.dryRun ?? []).length > 0,
    fieldManager: '',
    fieldValidation: 'Ignore',
    object: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', ...options },
  };
}

function fromBody(value: unknown): DeleteOptions {
  const { kind, ...home } = interpretKind(value, badRequest);
  if (kind !== '' && kind !== 'DeleteOptions') {
    const version = home.version === '' ? 'v1' : apiVersionOf(home);
    throw badRequest(`no kind ${goQuote(kind)} is registered for version ${goQuote(version)} in scheme ${goQuote(SCHEME)}`);
  }
  try {
    const {
      kind: _kind,
      apiVersion: _apiVersion,
      ...rest
    } = decodeValue<DeleteOptions & { kind?: string; apiVersion?: string }>(value, schemaOfDefinition(DEFINITION), {
      fieldValidation: 'Ignore',
    }).object;
    return rest;
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}

function fromQuery(query: Query): DeleteOptions {
  const grace = query.get('gracePeriodSeconds');
  const orphan = query.get('orphanDependents');
  const policy = query.get('propagationPolicy');
  const dryRun = query.getAll('dryRun');
  const [uid = '', resourceVersion = ''] = [query.get('uid'), query.get('resourceVersion')];
  const preconditions = { ...(uid === '' ? {} : { uid }), ...(resourceVersion === '' ? {} : { resourceVersion }) };
  return {
    ...(grace === undefined || grace === '' ? {} : { gracePeriodSeconds: parseInt64(grace) }),
    ...(orphan === undefined || orphan === '' ? {} : { orphanDependents: isTrue(orphan) }),
    ...(policy === undefined || policy === '' ? {} : { propagationPolicy: policy as NonNullable<DeleteOptions['propagationPolicy']> }),
    ...(dryRun.length === 0 ? {} : { dryRun }),
    ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
  };
}

/** Source: Convert_Slice_string_To_int64. @throws StatusError BadRequest in Go's words */
function parseInt64(text: string): Int64 {
  const refuse = (why: string): never => {
    throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: ${why}`);
  };
  if (!/^[+-]?\d+$/.test(text)) return refuse('invalid syntax');
  const wide = BigInt(text.replace('+', ''));
  if (wide !== BigInt.asIntN(64, wide)) return refuse('value out of range');
  const value = Number(wide);
  return Number.isSafeInteger(value) ? value : wide;
}

function problems(options: DeleteOptions): readonly FieldError[] {
  const { orphanDependents, propagationPolicy: policy, dryRun = [] } = options;
  const errors: FieldError[] = [];
  if (orphanDependents !== undefined && policy !== undefined) {
    errors.push(invalid('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'));
  }
  if (policy !== undefined && policy !== 'Foreground' && policy !== 'Background' && policy !== 'Orphan') {
    errors.push(notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil']));
  }
  if (dryRun.some((value) => value !== 'All')) errors.push(notSupported('dryRun', dryRun, ['All']));
  return errors;
}
