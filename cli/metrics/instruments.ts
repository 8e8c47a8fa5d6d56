// The metrics of the catalogue as prom-client's counters, gauges and histograms, and the text in which Prometheus reads
// them. A name or a label that the catalogue does not have cannot be told.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type Metric, type MetricName } from './metric-catalogue.ts';

type Labels = Readonly<Record<string, string>>;

type NamesOf<Type extends Metric['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];

export type CounterName = NamesOf<'counter'>;
export type GaugeName = NamesOf<'gauge'>;
export type HistogramName = NamesOf<'histogram'>;

export class Instruments {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  constructor() {
    this.contentType = this.#registry.contentType;
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, metric] of Object.entries<Metric>(METRICS)) this.#make(name, metric);
  }

  count(name: CounterName, labels: Labels, by = 1): void {
    this.#counters.get(name)?.inc(labels, by);
  }

  /** Makes a counter that is kept elsewhere what it is there. */
  setCount(name: CounterName, values: readonly { readonly labels: Labels; readonly value: number }[]): void {
    const counter = this.#counters.get(name);
    counter?.reset();
    for (const { labels, value } of values) counter?.inc(labels, value);
  }

  observe(name: HistogramName, labels: Labels, seconds: number): void {
    this.#histograms.get(name)?.observe(labels, seconds);
  }

  /** All values of a gauge; what it had before and is not among them is gone. */
  setAll(name: GaugeName, values: readonly { readonly labels: Labels; readonly value: number }[]): void {
    const gauge = this.#gauges.get(name);
    gauge?.reset();
    for (const { labels, value } of values) gauge?.set(labels, value);
  }

  /**
   * Lets every series of a dataset or a model that counts from 0 be there before something is counted, so that rates see the
   * first.
   */
  begin(label: 'dataset' | 'model', name: string): void {
    for (const [metric, counter] of this.#counters) {
      for (const series of seriesOf(metric, label, name)) counter.inc(series, 0);
    }
    for (const [metric, histogram] of this.#histograms) {
      for (const series of seriesOf(metric, label, name)) histogram.zero(series);
    }
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #make(name: string, { type, help, labels, buckets = [] }: Metric): void {
    const options = { name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
    switch (type) {
      case 'counter':
        this.#counters.set(name, new Counter(options));
        return;
      case 'gauge':
        this.#gauges.set(name, new Gauge(options));
        return;
      case 'histogram':
        this.#histograms.set(name, new Histogram({ ...options, buckets: [...buckets] }));
        return;
    }
  }
}

/** All series that a metric has for one value of a label; none where it has no such label. */
function seriesOf(metric: string, label: string, value: string): readonly Labels[] {
  const { labels } = METRICS[metric as MetricName];
  return label in labels ? combinations({ ...labels, [label]: [value] }) : [];
}

function combinations(labels: Metric['labels']): readonly Labels[] {
  return Object.entries(labels).reduce<readonly Labels[]>(
    (made, [label, values]) =>
      typeof values === 'string'
        ? made
        : made.flatMap((series) => values.map((value) => ({ ...series, [label]: value }))),
    [{}],
  );
}
