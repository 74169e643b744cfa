// Counters and histograms with labels, in Prometheus' text format: as cheap as the write path needs them.

/** Most label combinations of one metric; more are not counted. */
const MAX_SERIES = 10_000;

abstract class Vector<S> {
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #series = new Map<string, S>();

  constructor(name: string, help: string, labels: readonly string[]) {
    this.#name = name;
    this.#help = help;
    this.#labels = labels;
  }

  protected abstract readonly type: string;
  protected abstract create(): S;
  /** Lines of one series. @param labels `a="1",b="2"` */
  protected abstract lines(name: string, labels: string, series: S): readonly string[];

  protected find(values: readonly string[]): S | undefined {
    const key = values.join('\0');
    let series = this.#series.get(key);
    if (series === undefined && this.#series.size < MAX_SERIES) this.#series.set(key, (series = this.create()));
    return series;
  }

  expose(): string {
    if (this.#series.size === 0) return '';
    const lines = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} ${this.type}`];
    for (const [key, series] of this.#series) {
      const labels = key.split('\0').map((value, i) => `${this.#labels[i]}=${JSON.stringify(value)}`);
      lines.push(...this.lines(this.#name, labels.join(','), series));
    }
    return `${lines.join('\n')}\n`;
  }
}

export class CounterVector extends Vector<{ value: number }> {
  protected override readonly type = 'counter';

  /** @param labels values in the order of the names */
  increment(...labels: readonly string[]): void {
    const series = this.find(labels);
    if (series !== undefined) series.value++;
  }

  protected override create(): { value: number } {
    return { value: 0 };
  }

  protected override lines(name: string, labels: string, { value }: { value: number }): readonly string[] {
    return [`${name}{${labels}} ${value}`];
  }
}

interface Distribution {
  readonly counts: Float64Array;
  sum: number;
  count: number;
}

export class HistogramVector extends Vector<Distribution> {
  protected override readonly type = 'histogram';
  readonly #buckets: readonly number[];

  /** @param buckets upper bounds, seconds */
  constructor(name: string, help: string, labels: readonly string[], buckets: readonly number[]) {
    super(name, help, labels);
    this.#buckets = buckets;
  }

  /** @param ms how long it took */
  observe(ms: number, ...labels: readonly string[]): void {
    this.#count(this.find(labels), ms);
  }

  /** `observe` for labels that are known beforehand. */
  bound(...labels: readonly string[]): (ms: number) => void {
    let series: Distribution | undefined;
    return (ms) => this.#count((series ??= this.find(labels)), ms);
  }

  #count(series: Distribution | undefined, ms: number): void {
    if (series === undefined) return;
    const seconds = ms / 1_000;
    let at = 0;
    while (at < this.#buckets.length && seconds > (this.#buckets[at] as number)) at++;
    series.counts[at] = (series.counts[at] as number) + 1;
    series.sum += seconds;
    series.count++;
  }

  protected override create(): Distribution {
    return { counts: new Float64Array(this.#buckets.length + 1), sum: 0, count: 0 };
  }

  protected override lines(name: string, labels: string, { counts, sum, count }: Distribution): readonly string[] {
    let total = 0;
    const buckets = this.#buckets.map((le, i) => {
      total += counts[i] as number;
      return `${name}_bucket{${labels},le="${le}"} ${total}`;
    });
    return [
      ...buckets,
      `${name}_bucket{${labels},le="+Inf"} ${count}`,
      `${name}_sum{${labels}} ${sum}`,
      `${name}_count{${labels}} ${count}`,
    ];
  }
}
