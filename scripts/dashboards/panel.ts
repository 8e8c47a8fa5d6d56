// What a dashboard is made of: panels in rows, each with the questions that it asks Prometheus. `grafana.ts` makes Grafana's
// JSON of it.

/** How numbers are shown; Grafana's own names of units. */
export type Unit = 'short' | 'ops' | 's' | 'bytes' | 'percentunit' | 'none';

export interface Query {
  /** PromQL; `$dataset` and `$instance` stand for what the reader has chosen. */
  readonly expr: string;
  /** Legend, with labels as `{{stage}}`. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What it shows and what to make of it. */
  readonly description: string;
  /** `stat`: one number now; `lines`: over time; `stack`: the same, added up; `table`: labels now. */
  readonly type: 'stat' | 'lines' | 'stack' | 'table';
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** From which value on it is yellow and red; below the first it is green. */
  readonly thresholds?: readonly [number, number];
}

export interface Dashboard {
  /** Part of the name of its file and of its address. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Panels of one row share its width. */
  readonly rows: readonly (readonly Panel[])[];
}

/** A panel, with its queries as pairs of expression and legend. */
export function panel(
  type: Panel['type'],
  title: string,
  unit: Unit,
  description: string,
  queries: readonly (readonly [expr: string, legend: string])[],
  thresholds?: readonly [number, number],
): Panel {
  const asked: readonly Query[] = queries.map(([expr, legend]) => ({ expr, legend }));
  return { type, title, unit, description, queries: asked, ...(thresholds && { thresholds }) };
}
