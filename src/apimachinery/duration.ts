// Durations as Go writes them (`1h2m3.5s`), and as tables show them (`5m30s`, `3d4h`).
// Source: Go time.ParseDuration and Duration.String; apimachinery pkg/util/duration.

export class DurationError extends Error {
  override readonly name = 'DurationError';
}

const UNIT_NS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1000n],
  ['µs', 1000n],
  ['μs', 1000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);
const MAX_NS = 2n ** 63n;

/** Bytes outside of printable ASCII in hexadecimal. Source: time.quote. */
function quoted(text: string): string {
  const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;
  const char = (byte: number): string => {
    const shown = String.fromCharCode(byte);
    return shown === '"' || shown === '\\' ? `\\${shown}` : shown;
  };
  return `"${Array.from(Buffer.from(text), (byte) => (byte < 0x20 || byte > 0x7f ? hex(byte) : char(byte))).join('')}"`;
}

/** Nanoseconds of `text`: signed decimal numbers with units, `-1.5h`, `300ms`. @throws DurationError with Go's text */
export function parseDurationNs(text: string): bigint {
  const bad = (what = 'invalid duration '): DurationError => new DurationError(`time: ${what}${quoted(text)}`);
  let rest = text.replace(/^[+-]/, '');
  const negative = text.startsWith('-');
  if (rest === '0') return 0n;
  if (rest === '') throw bad();
  let total = 0n;
  while (rest !== '') {
    const number = /^(\d*)(?:\.(\d*))?/.exec(rest) as RegExpExecArray;
    const [matched, whole = '', fraction = ''] = number;
    if (whole === '' && fraction === '') throw bad();
    rest = rest.slice(matched.length);
    if (BigInt(whole || '0') > MAX_NS) throw bad();
    const unit = (/^[^.\d]*/.exec(rest) as RegExpExecArray)[0];
    if (unit === '') throw bad('missing unit in duration ');
    const scale = UNIT_NS.get(unit);
    if (scale === undefined) throw bad(`unknown unit ${quoted(unit)} in duration `);
    rest = rest.slice(unit.length);
    const digits = fraction.slice(0, 18);
    total += BigInt(whole || '0') * scale + (BigInt(digits || '0') * scale) / 10n ** BigInt(digits.length);
    if (total > MAX_NS) throw bad();
  }
  if (negative) return -total;
  if (total === MAX_NS) throw bad();
  return total;
}

/** Milliseconds, with fractions. @throws DurationError */
export function parseDuration(text: string): number {
  return Number(parseDurationNs(text)) / 1e6;
}

/** Go's canonical text: `1h0m0s`, `1.5s`, `300ms`, `0s`. */
export function formatDurationNs(ns: bigint): string {
  if (ns === 0n) return '0s';
  const sign = ns < 0n ? '-' : '';
  const abs = ns < 0n ? -ns : ns;
  if (abs < 1000n) return `${sign}${abs}ns`;
  if (abs < 1_000_000n) return `${sign}${decimal(abs, 1000n)}µs`;
  if (abs < 1_000_000_000n) return `${sign}${decimal(abs, 1_000_000n)}ms`;
  const minutes = abs / 60_000_000_000n;
  const seconds = `${decimal(abs % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return sign + seconds;
  const hours = minutes / 60n;
  return hours === 0n ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60n}m${seconds}`;
}

function decimal(value: bigint, unit: bigint): string {
  const places = unit.toString().length - 1;
  const fraction = (value % unit).toString().padStart(places, '0').replace(/0+$/, '');
  return `${value / unit}${fraction === '' ? '' : `.${fraction}`}`;
}

/** As formatDurationNs, from milliseconds. */
export function formatDuration(ms: number): string {
  return formatDurationNs(BigInt(Math.round(ms * 1e6)));
}

const DAY_HOURS = 24;
const YEAR_DAYS = 365;

/** Two or three significant figures: `45s`, `5m30s`, `3h`, `3d4h`, `2y10d`. Source: HumanDuration. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / DAY_HOURS);
  if (days < 8) return pair(days, 'd', hours % DAY_HOURS, 'h');
  if (days < YEAR_DAYS * 2) return `${days}d`;
  const years = Math.trunc(days / YEAR_DAYS);
  return days < YEAR_DAYS * 8 ? pair(years, 'y', days % YEAR_DAYS, 'd') : `${years}y`;
}

const pair = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;

/** One figure: `45s`, `5m`, `3h`, `12d`, `2y`. Source: ShortHumanDuration. */
export function shortHumanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < DAY_HOURS) return `${hours}h`;
  return hours < DAY_HOURS * YEAR_DAYS ? `${Math.trunc(hours / DAY_HOURS)}d` : `${Math.trunc(hours / DAY_HOURS / YEAR_DAYS)}y`;
}
