// pure
// How long the pods of hollow nodes take for each stage, and how their containers end: what a stage file says.
import { DurationError, parseDuration } from '#apimachinery/duration.ts';
import { SelectorError } from '#apimachinery/label-requirement.ts';
import { type LabelSelector, parseLabelSelector } from '#apimachinery/labels.ts';
import type { Pod } from '#api/types.ts';

/** Milliseconds; each time one is needed it is drawn evenly from this range. */
export interface Delay {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface Stages {
  /** Pods these hold for. */
  readonly selector: LabelSelector;
  /** From bound to running containers with an address. */
  readonly start: Delay;
  /** From running to ready. */
  readonly ready: Delay;
  /** From running to ended; absent: for ever, and one second where containers are not always restarted. */
  readonly run: Delay | undefined;
  /** Share of runs, 0 to 1, that end with `failureExitCode` in place of `exitCode`. */
  readonly failureRate: number;
  readonly exitCode: number;
  readonly failureExitCode: number;
  /** From marked for deletion to gone. */
  readonly stop: Delay;
}

const DEFAULT_DELAY: Delay = { minMs: 100, maxMs: 100 };
/** Of containers that shall end some time. */
const DEFAULT_RUN: Delay = { minMs: 1000, maxMs: 1000 };

/** What holds for a pod that no entry of the file selects. */
export const DEFAULT_STAGES: Stages = {
  selector: parseLabelSelector(''),
  start: DEFAULT_DELAY,
  ready: DEFAULT_DELAY,
  run: undefined,
  failureRate: 0,
  exitCode: 0,
  failureExitCode: 1,
  stop: DEFAULT_DELAY,
};

/** A stage file that cannot be used; the message names the place in it. */
export class StagesError extends Error {
  override readonly name = 'StagesError';
}

/** `value` is the decoded file: `{ stages: [{ selector: "app=web", start: "1s-3s", … }] }`. @throws StagesError */
export function parseStages(value: unknown): readonly Stages[] {
  const file = fieldsOf(value, 'the file', ['stages']);
  const { stages } = file;
  if (!Array.isArray(stages)) throw new StagesError('stages must be a list');
  return stages.map((entry, i) => parseEntry(entry, `stages[${i}]`));
}

/** The first that selects `pod`. */
export function stagesOf(pod: Pod, stages: readonly Stages[]): Stages {
  return stages.find(({ selector }) => selector.matches(pod.metadata.labels)) ?? DEFAULT_STAGES;
}

/** Undefined when the containers run for ever. */
export function runOf(pod: Pod, { run }: Stages): Delay | undefined {
  return run ?? (pod.spec.restartPolicy === 'Always' ? undefined : DEFAULT_RUN);
}

/** Whole milliseconds. `fraction` is a number in [0, 1). */
export function draw({ minMs, maxMs }: Delay, fraction: number): number {
  return Math.round(minMs + (maxMs - minMs) * fraction);
}

function parseEntry(value: unknown, at: string): Stages {
  const entry = fieldsOf(value, at, Object.keys(DEFAULT_STAGES));
  const delay = <F>(name: string, fallback: F): Delay | F =>
    entry[name] === undefined ? fallback : parseDelay(entry[name], `${at}.${name}`);
  const integer = (name: string, fallback: number): number => {
    const given = entry[name] ?? fallback;
    if (!Number.isInteger(given) || (given as number) < 0 || (given as number) > 255)
      throw new StagesError(`${at}.${name} must be an exit code from 0 to 255`);
    return given as number;
  };
  const { failureRate = 0 } = entry;
  if (typeof failureRate !== 'number' || !(failureRate >= 0 && failureRate <= 1))
    throw new StagesError(`${at}.failureRate must be a number from 0 to 1`);
  return {
    selector: parseSelector(entry['selector'] ?? '', `${at}.selector`),
    start: delay('start', DEFAULT_STAGES.start),
    ready: delay('ready', DEFAULT_STAGES.ready),
    run: delay('run', undefined),
    failureRate,
    exitCode: integer('exitCode', DEFAULT_STAGES.exitCode),
    failureExitCode: integer('failureExitCode', DEFAULT_STAGES.failureExitCode),
    stop: delay('stop', DEFAULT_STAGES.stop),
  };
}

function fieldsOf(value: unknown, at: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new StagesError(`${at} must hold keys and values`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new StagesError(`${at} has an unknown key ${unknown}: there are ${known.join(', ')}`);
  return value as Readonly<Record<string, unknown>>;
}

/** `500ms`, or a range: `1s-3s`. */
function parseDelay(value: unknown, at: string): Delay {
  const [least, most = least, ...rest] = typeof value === 'string' ? value.split('-').map(milliseconds) : [];
  if (least === undefined || most === undefined || most < least || rest.length > 0)
    throw new StagesError(`${at} must be a duration such as 500ms, or a range such as 1s-3s`);
  return { minMs: least, maxMs: most };
}

function milliseconds(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof DurationError) return undefined;
    throw error;
  }
}

function parseSelector(value: unknown, at: string): LabelSelector {
  if (typeof value !== 'string') throw new StagesError(`${at} must be a label selector such as app=web`);
  try {
    return parseLabelSelector(value);
  } catch (error) {
    if (error instanceof SelectorError) throw new StagesError(`${at}: ${error.message}`);
    throw error;
  }
}
