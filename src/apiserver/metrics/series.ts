// Counters, gauges and histograms for /metrics, made to cost little where they are counted: a series is found once and kept.

/** In the order they are printed. */
export type Labels = Readonly<Record<string, string>>;

interface Named {
  readonly name: string;
  readonly help: string;
}

/** Most series of one metric; more would come from made-up label values only. */
const MAX_SERIES = 5_000;

export class Counter {
  value = 0;

  add(by = 1): void {
    this.value += by;
  }
}

export class Histogram {
  readonly #buckets: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(buckets: readonly number[]) {
    this.#buckets = buckets;
    this.#counts = new Float64Array(buckets.length + 1);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#buckets.length && value > (this.#buckets[at] as number)) at++;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += value;
  }

  lines(name: string, labels: string): readonly string[] {
    const prefix = labels === '' ? '' : `${labels},`;
    let total = 0;
    const lines = [...this.#buckets, '+Inf'].map((le, i) => {
      total += this.#counts[i] as number;
      return `${name}_bucket{${prefix}le="${le}"} ${total}`;
    });
    const own = labels === '' ? '' : `{${labels}}`;
    return [...lines, `${name}_sum${own} ${this.#sum}`, `${name}_count${own} ${total}`];
  }
}

/** All series of one metric. */
class Family<S> {
  readonly #series = new Map<string, S>();
  readonly #make: () => S;

  constructor(make: () => S) {
    this.#make = make;
  }

  of(labels: Labels = {}): S {
    const key = labelText(labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#make();
      if (this.#series.size < MAX_SERIES) this.#series.set(key, series);
    }
    return series;
  }

  entries(): IterableIterator<[string, S]> {
    return this.#series.entries();
  }
}

export class CounterFamily extends Family<Counter> {
  readonly #named: Named;

  constructor(named: Named) {
    super(() => new Counter());
    this.#named = named;
  }

  expose(): string {
    const lines = [...this.entries()].map(([labels, { value }]) => sample(this.#named.name, labels, value));
    return described(this.#named, 'counter', lines);
  }
}

export class HistogramFamily extends Family<Histogram> {
  readonly #named: Named;

  constructor(named: Named & { readonly buckets: readonly number[] }) {
    super(() => new Histogram(named.buckets));
    this.#named = named;
  }

  expose(): string {
    const lines = [...this.entries()].flatMap(([labels, histogram]) => histogram.lines(this.#named.name, labels));
    return described(this.#named, 'histogram', lines);
  }
}

/** A gauge that is read when asked for. */
export function gauge(name: string, help: string, samples: readonly (readonly [labels: Labels, value: number])[]): string {
  return described(
    { name, help },
    'gauge',
    samples.map(([labels, value]) => sample(name, labelText(labels), value)),
  );
}

const sample = (name: string, labels: string, value: number): string => `${name}${labels === '' ? '' : `{${labels}}`} ${value}`;

const described = ({ name, help }: Named, type: string, lines: readonly string[]): string =>
  `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.length === 0 ? '' : `${lines.join('\n')}\n`}`;

const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',');
