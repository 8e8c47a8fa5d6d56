// Reads the text that Prometheus reads, for tests: every sample with its labels.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class Exposition {
  readonly samples: readonly Sample[];
  /** Types by the name of the metric. */
  readonly types: ReadonlyMap<string, string>;

  constructor(text: string) {
    const types = new Map<string, string>();
    const samples: Sample[] = [];
    for (const line of text.split('\n')) {
      const type = /^# TYPE (\S+) (\S+)$/.exec(line);
      if (type !== null) types.set(type[1] ?? '', type[2] ?? '');
      const sample = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/i.exec(line);
      if (sample === null) continue;
      const [, name = '', labels = '', value = ''] = sample;
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text_]) => [key, text_]);
      samples.push({
        name,
        labels: Object.fromEntries(pairs),
        value: Number(value.replace('Inf', 'Infinity')),
      });
    }
    this.samples = samples;
    this.types = types;
  }

  /** The sum of all samples of this name with these labels; 0 where there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.samples
      .filter((sample) => sample.name === name)
      .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** The sum over everything that a metric counts: of a histogram its observations. */
  total(name: string): number {
    return this.sum(this.types.get(name) === 'histogram' ? `${name}_count` : name);
  }

  has(name: string): boolean {
    return this.samples.some((sample) => sample.name === name);
  }
}
