// PromQL as the dashboards need it. What nodes count themselves is summed over them; what is the same whichever node is
// asked (queues, streams, manifests) is taken once, as the maximum.

/** The chosen datasets, on whichever node. */
export const OF = '{dataset=~"$dataset"}';
/** The chosen datasets on the chosen nodes. */
export const HERE = '{dataset=~"$dataset", instance=~"$instance"}';
/** The chosen nodes. */
export const NODE = '{instance=~"$instance"}';

/** A counter's rate, summed by labels. */
export function rate(metric: string, by: string, filter = HERE): string {
  return `sum by (${by}) (rate(${metric}${filter}[$__rate_interval]))`;
}

/** A gauge of the chosen datasets that is the same whichever node is asked. */
export function once(metric: string, by: string): string {
  return `max by (${by}) (${metric}${OF})`;
}

/** A quantile of a histogram, by labels; a share of 0.5 is the median. */
export function quantile(share: number, metric: string, by: string, filter = HERE): string {
  return `histogram_quantile(${share}, sum by (${by}, le) (rate(${metric}_bucket${filter}[$__rate_interval])))`;
}
