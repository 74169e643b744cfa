// The one error of the Kubernetes API. Every refusal is a StatusError; its wire form is derived here only.
import { goQuote } from './go-format.ts';
import { groupResourceString } from './resource.ts';

/** Source: metav1.StatusReason. */
export type StatusReason =
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'ServerTimeout'
  | 'StoreReadError'
  | 'Timeout'
  | 'TooManyRequests'
  | 'BadRequest'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'Expired'
  | 'ServiceUnavailable'
  | '';

const HTTP_CODE: Readonly<Record<StatusReason, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Invalid: 422,
  ServerTimeout: 500,
  StoreReadError: 500,
  Timeout: 504,
  TooManyRequests: 429,
  BadRequest: 400,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  InternalError: 500,
  Expired: 410,
  ServiceUnavailable: 503,
  '': 500,
};

/** Source: metav1.CauseType, plus field.ErrorType for `Invalid`. */
export interface StatusCause {
  /** `FieldValueRequired`, `FieldValueInvalid`, `NamespaceTerminating`, … */
  readonly reason?: string;
  readonly message?: string;
  /** Field path: `spec.containers[0].image`. */
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** Plural resource for most reasons, the kind for `Invalid`; as upstream. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  /** Whole seconds until a retry may succeed; also sent as Retry-After. */
  readonly retryAfterSeconds?: number;
}

/** `Status` of meta/v1 as it travels. */
export interface WireStatus {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  readonly code: number;
}

export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly reason: StatusReason;
  /** HTTP status. */
  readonly code: number;
  readonly details: StatusDetails | undefined;

  /** `code` is given only where it differs from the reason's usual one. */
  constructor(reason: StatusReason, message: string, details?: StatusDetails, code: number = HTTP_CODE[reason]) {
    super(message);
    this.reason = reason;
    this.code = code;
    this.details = details;
  }

  /** The error that a `Status` body stands for; the inverse of toStatus. */
  static fromStatus(status: {
    readonly message?: string;
    readonly reason?: string;
    readonly details?: StatusDetails;
    readonly code?: number;
  }): StatusError {
    const reason = (status.reason ?? '') as StatusReason;
    return new StatusError(reason, status.message ?? '', status.details, status.code ?? HTTP_CODE[reason] ?? 500);
  }

  toStatus(): WireStatus {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

export function isStatusError(error: unknown, reason?: StatusReason): error is StatusError {
  return error instanceof StatusError && (reason === undefined || error.reason === reason);
}

interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

const about = ({ group, resource }: GroupResource, name: string): StatusDetails => ({
  ...(name === '' ? {} : { name }),
  ...(group === '' ? {} : { group }),
  ...(resource === '' ? {} : { kind: resource }),
});

/** Source for all below: apimachinery pkg/api/errors. */
export const notFound = (gr: GroupResource, name: string): StatusError =>
  new StatusError('NotFound', `${groupResourceString(gr)} ${goQuote(name)} not found`, about(gr, name));

export const alreadyExists = (gr: GroupResource, name: string): StatusError =>
  new StatusError('AlreadyExists', `${groupResourceString(gr)} ${goQuote(name)} already exists`, about(gr, name));

/** A name that was made from generateName, and every one tried before it, is taken: trying again may do. Source: NewGenerateNameConflict. */
export const generateNameConflict = (gr: GroupResource, name: string): StatusError => {
  const { message, details } = alreadyExists(gr, name);
  const text = `${message}, the server was not able to generate a unique name for the object`;
  return new StatusError('AlreadyExists', text, { ...details, retryAfterSeconds: 1 });
};

export const conflict = (gr: GroupResource, name: string, why: string): StatusError =>
  new StatusError('Conflict', `Operation cannot be fulfilled on ${groupResourceString(gr)} ${goQuote(name)}: ${why}`, about(gr, name));

/** The `why` of a lost optimistic lock. Source: registry OptimisticLockErrorMsg. */
export const OPTIMISTIC_LOCK_MESSAGE = 'the object has been modified; please apply your changes to the latest version and try again';

export const forbidden = (gr: GroupResource, name: string, why: string): StatusError => {
  const subject = groupResourceString(gr);
  const message =
    subject === ''
      ? `forbidden: ${why}`
      : name === ''
        ? `${subject} is forbidden: ${why}`
        : `${subject} ${goQuote(name)} is forbidden: ${why}`;
  return new StatusError('Forbidden', message, about(gr, name));
};

export const unauthorized = (message = 'Unauthorized'): StatusError => new StatusError('Unauthorized', message);

export const badRequest = (message: string): StatusError => new StatusError('BadRequest', message);

export const methodNotSupported = (gr: GroupResource, verb: string): StatusError =>
  new StatusError('MethodNotAllowed', `${verb} is not supported on resources of kind ${goQuote(groupResourceString(gr))}`, about(gr, ''));

/** A path of the built-in API that takes other methods only. Source: serviceErrorHandler, NewGenericServerResponse. */
export const methodNotAllowed = (): StatusError =>
  new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** A path of the built-in API that there is not. Source: as methodNotAllowed. */
export const resourceNotServed = (): StatusError => new StatusError('NotFound', 'the server could not find the requested resource', {});

/** For a revision that was compacted away, or a continue token too old. */
export const resourceExpired = (message: string): StatusError => new StatusError('Expired', message);

export const tooManyRequests = (message: string, retryAfterSeconds: number): StatusError =>
  new StatusError('TooManyRequests', message, { retryAfterSeconds });

export const internalError = (error: unknown): StatusError => {
  const message = error instanceof Error ? error.message : String(error);
  return new StatusError('InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
};

/**
 * A semantic validation failure of kind `{group, kind}`; each cause carries a field path.
 * The message lists one cause as is, several in brackets. Source: NewInvalid, ErrorList.ToAggregate.
 */
export function invalid(
  { group, kind }: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly StatusCause[],
): StatusError {
  const texts = [...new Set(causes.map((c) => `${c.field ?? ''}: ${c.message ?? ''}`))];
  const list = texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`;
  const subject = group === '' ? kind : `${kind}.${group}`;
  return new StatusError('Invalid', `${subject} ${goQuote(name)} is invalid${causes.length === 0 ? '' : `: ${list}`}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind,
    causes,
  });
}
