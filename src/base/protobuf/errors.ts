// The two ways a codec refuses: bytes that are no message, and values that do not fit their field.

/** `truncated`: the input ends too early. `overflow`: a number has more bits than any may have. `malformed`: anything else. */
export type DecodeFault = 'truncated' | 'overflow' | 'malformed';

/** Truncated or malformed input. */
export class ProtobufDecodeError extends Error {
  override readonly name = 'ProtobufDecodeError';
  /** Where in the input reading stopped, in bytes from its start. */
  readonly offset: number;
  readonly fault: DecodeFault;

  constructor(problem: string, offset: number, fault: DecodeFault = 'malformed') {
    super(`${problem} at byte ${offset}`);
    this.offset = offset;
    this.fault = fault;
  }
}

/** A value that its field cannot carry. */
export class ProtobufEncodeError extends Error {
  override readonly name = 'ProtobufEncodeError';
}
