// pure
// What a process that ended wrote last, in the one line that says why it ended.

/** By which Node, the launcher and containerd tell of an end. */
const TELLING = [
  /^proa: (?!the cluster process ended)(?<why>.+)/,
  /^(?<why>FATAL ERROR: .+)/,
  /^(?:Uncaught )?(?<why>(?:[A-Z]\w*)?(?:Error|Exception)\b.*)/,
  /\blevel=(?:fatal|error) msg="(?<why>(?:[^"\\]|\\.)+)"/,
];

/** Lines beside the telling one: the keeper's own, stack traces, Node's version and pointers into source. */
const NOISE = /^(?:proa: the cluster process ended|\s|Node\.js v|$)/;

/** The last line of `log` that names a cause, else the last that says anything; undefined when there is none. */
export function lastWords(log: string): string | undefined {
  const lines = log.split('\n').toReversed();
  for (const line of lines) {
    const why = loggedError(line) ?? TELLING.map((telling) => telling.exec(line)?.groups?.['why']).find((found) => found !== undefined);
    if (why !== undefined) return why;
  }
  return lines.find((line) => !NOISE.test(line));
}

/** Level and error as pino writes them. */
interface LogLine {
  readonly level?: number;
  readonly msg?: string;
  readonly error?: { readonly message?: string };
}

/** pino's number of `error`. */
const ERROR = 50;

function loggedError(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  let parsed: LogLine;
  try {
    parsed = JSON.parse(line) as LogLine;
  } catch {
    return undefined; // a line that was cut short, or not of the log
  }
  if (parsed.level === undefined || parsed.level < ERROR) return undefined;
  const [first] = (parsed.error?.message ?? '').split('\n');
  return first === '' || first === undefined ? parsed.msg : first;
}
