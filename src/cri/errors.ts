// What a call to the runtime fails with.

/** gRPC's status codes by their names. Source: grpc codes.Code (its order is the numbers'). */
const CODES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const;

export type CriCode = (typeof CODES)[number];

export interface CriFailure {
  readonly code: CriCode;
  /** The runtime's own words. */
  readonly details: string;
  /** `RunPodSandbox` */
  readonly method: string;
}

/**
 * A call that failed. Its message is what Kubernetes shows in events and statuses:
 * `rpc error: code = NotFound desc = …`, or, for an image pull that failed with Unknown, the details alone.
 * Source: grpc status.Error, cri-client remote_image.go pullImageV1.
 */
export class CriError extends Error {
  override readonly name = 'CriError';
  readonly code: CriCode;
  readonly details: string;
  readonly method: string;

  constructor({ code, details, method }: CriFailure, options?: ErrorOptions) {
    super(code === 'Unknown' && method === 'PullImage' ? details : `rpc error: code = ${code} desc = ${details}`, options);
    this.code = code;
    this.details = details;
    this.method = method;
  }
}

/** The name of a status code's number; Unknown for numbers gRPC does not define. */
export function codeName(code: number): CriCode {
  return CODES[code] ?? 'Unknown';
}

export function isNotFound(error: unknown): error is CriError {
  return error instanceof CriError && error.code === 'NotFound';
}
