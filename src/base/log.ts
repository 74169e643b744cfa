// Structured logging: every component takes a Logger; the composition root decides where lines go.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Named values of one line. Never a secret: tokens, keys and Secret data stay out. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose every line also carries `fields`. */
  with(fields: LogFields): Logger;
  /** Lines have not left the process for a long time. Absent where nobody can tell. */
  blocked?(): boolean;
}

/** Sends each line to `write`; errors among the fields should be passed as Error objects. */
export function createLogger(
  write: (level: LogLevel, message: string, fields: LogFields) => void,
  bound: LogFields = {},
  blocked?: () => boolean,
): Logger {
  const line =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      write(level, message, { ...bound, ...fields });
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    with: (fields) => createLogger(write, { ...bound, ...fields }, blocked),
    ...(blocked === undefined ? {} : { blocked }),
  };
}

/** Drops every line: for tests that do not look at the log. */
export const silentLogger: Logger = createLogger(() => {});
