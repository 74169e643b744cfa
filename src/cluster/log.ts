// The log of the cluster's processes: one JSON object a line on standard error, which the keeper leads to the log file.
import { pino } from 'pino';
import { systemClock } from '#base/clock.ts';
import { createLogger, type LogFields, type Logger, type LogLevel } from '#base/log.ts';
import { LogSink } from './log-sink.ts';
import { inSources } from './source-lines.ts';

const STANDARD_ERROR = 2;

export function openLog(level: LogLevel): Logger {
  const destination = new LogSink(STANDARD_ERROR, systemClock);
  process.once('exit', () => destination.flush());
  const sink = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: errorFields } }, destination);
  const write = (lineLevel: LogLevel, message: string, fields: LogFields): void => sink[lineLevel](fields, message);
  return createLogger(write, {}, () => destination.blocked);
}

function errorFields(error: Error): Readonly<Record<string, unknown>> {
  const fields = pino.stdSerializers.err(error);
  return typeof fields.stack === 'string' ? { ...fields, stack: inSources(fields.stack) } : fields;
}
