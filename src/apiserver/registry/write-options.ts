// The query of a write, validated. Pure. Source: metav1 CreateOptions, UpdateOptions, PatchOptions and their validation.
import { forbidden, invalid, notSupported, required, toStatusError, tooLong, type FieldError } from '#apimachinery/field-errors.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import type { FieldValidation } from '#api/decode.ts';
import type { Query } from '../request.ts';
import { isTrue } from '../stages/request-info.ts';
import type { WriteOptions } from './write-call.ts';

/** Bytes. Source: validation.FieldManagerMaxLength. */
const MAX_FIELD_MANAGER = 128;
const FIELD_VALIDATIONS: readonly string[] = ['', 'Ignore', 'Strict', 'Warn'];

/** What dry run takes. Source: allowedDryRunValues. */
const ALL = 'All';

export type PatchKind = 'json' | 'merge' | 'strategic' | 'apply';

/** @throws StatusError Invalid */
export function parseWriteOptions(query: Query, kind: 'CreateOptions' | 'UpdateOptions'): WriteOptions {
  const errors = commonErrors(query);
  if (errors.length > 0) throw toStatusError({ group: 'meta.k8s.io', kind }, '', errors);
  return options(query, kind, {});
}

export interface PatchOptions extends WriteOptions {
  readonly force: boolean;
}

/** @throws StatusError Invalid */
export function parsePatchOptions(query: Query, patch: PatchKind): PatchOptions {
  const errors: FieldError[] = [];
  const force = query.get('force');
  if (patch === 'apply') {
    if ((query.get('fieldManager') ?? '') === '') errors.push(required('fieldManager', 'is required for apply patch'));
  } else if (force !== undefined) {
    errors.push(forbidden('force', 'may not be specified for non-apply patch'));
  }
  errors.push(...commonErrors(query));
  if (errors.length > 0) throw toStatusError({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', errors);
  return { ...options(query, 'PatchOptions', force === undefined ? {} : { force: isTrue(force) }), force: isTrue(force) };
}

function options(query: Query, kind: WriteOptions['kind'], more: Readonly<Record<string, unknown>>): WriteOptions {
  const dryRun = query.getAll('dryRun');
  const fieldManager = query.get('fieldManager') ?? '';
  const given = query.get('fieldValidation') ?? '';
  return {
    kind,
    dryRun: dryRun.length > 0,
    fieldManager,
    fieldValidation: (given === '' ? 'Warn' : given) as FieldValidation,
    object: {
      kind,
      apiVersion: 'meta.k8s.io/v1',
      ...(dryRun.length === 0 ? {} : { dryRun }),
      ...more,
      ...(fieldManager === '' ? {} : { fieldManager }),
      ...(given === '' ? {} : { fieldValidation: given }),
    },
  };
}

function commonErrors(query: Query): FieldError[] {
  const errors: FieldError[] = [];
  const manager = query.get('fieldManager') ?? '';
  if (byteLength(manager) > MAX_FIELD_MANAGER) errors.push(tooLong('fieldManager', MAX_FIELD_MANAGER));
  for (const character of unprintable(manager)) errors.push(invalid('fieldManager', manager, character));
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((value) => value !== ALL)) errors.push(notSupported('dryRun', dryRun, [ALL]));
  const fieldValidation = query.get('fieldValidation') ?? '';
  if (!FIELD_VALIDATIONS.includes(fieldValidation)) errors.push(notSupported('fieldValidation', fieldValidation, FIELD_VALIDATIONS));
  return errors;
}

function* unprintable(text: string): Generator<string> {
  let position = 0;
  for (const character of text) {
    if (character !== ' ' && !/^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) {
      const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
      yield `invalid character U+${code} (at position ${position})`;
    }
    position += Buffer.byteLength(character);
  }
}
