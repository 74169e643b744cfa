/** The container cannot be configured; the message is upstream's and shows in its status. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}
