// The two ways a codec refuses: bytes that are no message, and values that do not fit their field.

/** Truncated or malformed input. */
export class ProtobufDecodeError extends Error {
  override readonly name = 'ProtobufDecodeError';
  /** Where in the input reading stopped, in bytes from its start. */
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(`${problem} at byte ${offset}`);
    this.offset = offset;
  }
}

/** A value that its field cannot carry. */
export class ProtobufEncodeError extends Error {
  override readonly name = 'ProtobufEncodeError';
}
