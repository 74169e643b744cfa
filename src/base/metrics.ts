// Counters, gauges and histograms in Prometheus' text format, cheap where they are counted: a series is found once and kept.

/** Most series of one metric: more would come from made-up label values only, and are not shown. */
const MAX_SERIES = 10_000;

export class Counter {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  add(by = 1): void {
    this.#value += by;
  }
}

export class Gauge {
  value = 0;

  set(value: number): void {
    this.value = value;
  }

  add(by = 1): void {
    this.value += by;
  }
}

export class Histogram {
  readonly #buckets: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  /** @param buckets upper bounds, ascending */
  constructor(buckets: readonly number[]) {
    this.#buckets = buckets;
    this.#counts = new Float64Array(buckets.length);
  }

  /** How many values there were. */
  get count(): number {
    return this.#count;
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    let at = 0;
    while (at < this.#buckets.length && value > (this.#buckets[at] as number)) at++;
    if (at < this.#counts.length) this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  /** @param labels `a="1",b="2"` */
  samples(name: string, labels: string): readonly string[] {
    const prefix = labels === '' ? '' : `${labels},`;
    let total = 0;
    const lines = this.#buckets.map((le, i) => {
      total += this.#counts[i] as number;
      return `${name}_bucket{${prefix}le="${le}"} ${total}`;
    });
    lines.push(
      `${name}_bucket{${prefix}le="+Inf"} ${this.#count}`,
      sample(`${name}_sum`, labels, this.#sum),
      sample(`${name}_count`, labels, this.#count),
    );
    return lines;
  }
}

/** All series of one metric. */
abstract class Family<S> {
  protected readonly name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #series = new Map<string, S>();

  /**
   * @param help may begin with how stable the metric is: `[STABLE] `, `[BETA] `; else it is `[ALPHA] `
   * @param labels names, in the order in which `of` takes their values
   */
  constructor(name: string, help: string, labels: readonly string[] = []) {
    this.name = name;
    this.#help = help;
    this.#labels = labels;
  }

  protected abstract readonly type: 'counter' | 'gauge' | 'histogram';
  protected abstract make(): S;
  protected abstract samples(labels: string, series: S): readonly string[];

  /** The series of these label values. */
  of(...values: readonly string[]): S {
    const key = values.join('\0');
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.make();
      if (this.#series.size < MAX_SERIES) this.#series.set(key, series);
    }
    return series;
  }

  /** No longer shown. */
  forget(...values: readonly string[]): void {
    this.#series.delete(values.join('\0'));
  }

  /** Text exposition format; empty while nothing was counted. */
  expose(): string {
    if (this.#series.size === 0) return '';
    const lines = [...this.#series].flatMap(([key, series]) => this.samples(labelText(this.#labels, key.split('\0')), series));
    return described(this.name, this.#help, this.type, lines);
  }
}

export class CounterFamily extends Family<Counter> {
  protected override readonly type = 'counter';
  protected override make = (): Counter => new Counter();
  protected override samples = (labels: string, { value }: Counter): readonly string[] => [sample(this.name, labels, value)];
}

export class GaugeFamily extends Family<Gauge> {
  protected override readonly type = 'gauge';
  protected override make = (): Gauge => new Gauge();
  protected override samples = (labels: string, { value }: Gauge): readonly string[] => [sample(this.name, labels, value)];
}

export class HistogramFamily extends Family<Histogram> {
  protected override readonly type = 'histogram';
  readonly #buckets: readonly number[];

  /** @param buckets upper bounds, ascending; seconds for durations */
  constructor(name: string, help: string, labels: readonly string[], buckets: readonly number[]) {
    super(name, help, labels);
    this.#buckets = buckets;
  }

  protected override make = (): Histogram => new Histogram(this.#buckets);
  protected override samples = (labels: string, series: Histogram): readonly string[] => series.samples(this.name, labels);
}

/** What is read only when asked for. @param samples label values with their figure */
export function gauge(
  name: string,
  help: string,
  labels: readonly string[],
  samples: Iterable<readonly [values: readonly string[], value: number]>,
): string {
  const lines = Array.from(samples, ([values, value]) => sample(name, labelText(labels, values), value));
  return lines.length === 0 ? '' : described(name, help, 'gauge', lines);
}

/** Seconds; what client libraries count by when they are told no bounds. Source: prometheus.DefBuckets. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Bounds `count` of them, each `factor` times the one before. Source: prometheus.ExponentialBuckets. */
export function exponentialBuckets(start: number, factor: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(12)));
}

const sample = (name: string, labels: string, value: number): string => `${name}${labels === '' ? '' : `{${labels}}`} ${value}`;

/** A help that does not say how stable the metric is promised to be promises nothing. Source: component-base StabilityLevel. */
const described = (name: string, help: string, type: string, lines: readonly string[]): string =>
  `# HELP ${name} ${LEVEL.test(help) ? '' : '[ALPHA] '}${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;

const LEVEL = /^\[(?:ALPHA|BETA|STABLE)\] /;

/** In the order of the names, as Prometheus' own library prints them. */
const labelText = (names: readonly string[], values: readonly string[]): string =>
  names
    .map((name, i) => `${name}="${escaped(values[i] ?? '')}"`)
    .sort()
    .join(',');

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };
const escaped = (value: string): string => value.replace(/[\\"\n]/g, (character) => ESCAPES[character] as string);
