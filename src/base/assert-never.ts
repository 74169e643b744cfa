/** Makes a switch over a union exhaustive: the compiler refuses a call that a variant can reach. */
export function assertNever(value: never): never {
  throw new Error(`unreachable variant: ${JSON.stringify(value)}`);
}
