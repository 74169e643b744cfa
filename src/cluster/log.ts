// The log of the cluster's processes: one JSON object a line on standard error, which the keeper leads to the log file.
import { pino } from 'pino';
import { systemClock } from '#base/clock.ts';
import { createLogger, type LogFields, type Logger, type LogLevel } from '#base/log.ts';
import { LogSink } from './log-sink.ts';

const STANDARD_ERROR = 2;

export function openLog(level: LogLevel): Logger {
  const destination = new LogSink(STANDARD_ERROR, systemClock);
  process.once('exit', () => destination.flush());
  const sink = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: pino.stdSerializers.err } },
    destination,
  );
  const write = (lineLevel: LogLevel, message: string, fields: LogFields): void => sink[lineLevel](fields, message);
  return createLogger(write, {}, () => destination.blocked);
}
