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

/** Errors whose message is written for whoever gave the command. By name, so that what throws them is loaded only when it is used. */
const PLAIN: ReadonlySet<string> = new Set([
  'AuthorityClockError',
  'CommandError',
  'ConfigurationError',
  'SettingsError',
  'KubeconfigError',
  'ContainerdError',
  'ImageImportError',
  'KeeperError',
  'KernelLockError',
  'PackageError',
  'PkiDamagedError',
  'StoreCorruptError',
  'StoreFormatError',
  'StoreLockedError',
  'StoreUnavailableError',
]);

/** What is said of an error that needs no stack; undefined for any other. */
export function plainly(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, address, port } = error as NodeJS.ErrnoException & { readonly address?: string; readonly port?: number };
  if (code === 'EADDRINUSE') return `${address}:${port} is taken by another program`;
  if (error.name === 'ConnectionError') return `the API server does not answer (${error.message}): see proa status`;
  return PLAIN.has(error.name) ? error.message : undefined;
}
