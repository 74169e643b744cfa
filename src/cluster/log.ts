// The log of the cluster's processes: one JSON object a line on standard error, which the keeper leads to the log file.
import { pino } from 'pino';
import { createLogger, type Logger, type LogLevel } from '#base/log.ts';

export function openLog(level: LogLevel): Logger {
  const sink = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: pino.stdSerializers.err } },
    pino.destination({ dest: 2, sync: false }),
  );
  return createLogger((lineLevel, message, fields) => sink[lineLevel](fields, message));
}
