import { pino } from 'pino';

/** Messages are constants; what varies goes into the fields. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** From the most to the fewest messages. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** One JSON object a line on stdout, times in ISO 8601. */
export function createLog(level: LogLevel): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}

/** For commands: writes only warnings and errors, one readable line each, to stderr. */
export function createTerminalLog(): Log {
  const say = (fields: object, message: string) => void process.stderr.write(`${message}: ${JSON.stringify(fields)}\n`);
  return { debug: () => undefined, info: () => undefined, warn: () => undefined, error: say };
}
