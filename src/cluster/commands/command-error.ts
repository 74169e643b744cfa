// How a command refuses: one line that says what is wrong and the way out.

/** A refusal that is shown as it is, without a stack; the process ends with `exitCode`. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
