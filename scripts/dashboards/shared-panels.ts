// Panels that stand on more than one dashboard.
import { panel } from './panel.ts';
import { NODE, once, rate } from './promql.ts';

export const throughput = panel(
  'lines',
  'Items a second by stage',
  'ops',
  'What each stage handled, over all nodes.',
  [[rate('troupe_stage_items_total', 'dataset, stage'), '{{dataset}} {{stage}}']],
);
export const oldest = panel(
  'lines',
  'Oldest message by stage',
  's',
  'Age of the oldest message that is not acknowledged. What is held may be old, where its source is down or slow.',
  [[once('troupe_queue_oldest_seconds', 'dataset, stage'), '{{dataset}} {{stage}}']],
);
export const verdicts = panel(
  'stack',
  'Verdicts a second',
  'ops',
  'How items end: `review` is the borderline band.',
  [[rate('troupe_verdicts_total', 'dataset, verdict'), '{{dataset}} {{verdict}}']],
);
export const deadLetters = panel(
  'stack',
  'Dead letters a second',
  'ops',
  'By what was at fault: the message, the content, its source, or our own work. `troupe dead list` shows them.',
  [[rate('troupe_dead_letters_total', 'dataset, stage, class'), '{{dataset}} {{stage}} {{class}}']],
);
export const openBreakers = panel(
  'lines',
  'Breakers that are not closed',
  'short',
  'What they guard is left alone for now; its items wait without an attempt.',
  [
    [
      `sum by (dataset, dependency) (troupe_breakers{dataset=~"$dataset", instance=~"$instance", state!="closed"})`,
      '{{dataset}} {{dependency}}',
    ],
  ],
);
export const loopLag = panel(
  'lines',
  'Event-loop lag, p99',
  's',
  'Late timers on the loop that acknowledges and renews leases. A lease is 10 s: beyond a third of it a node is in danger.',
  [[`nodejs_eventloop_lag_p99_seconds${NODE}`, '{{instance}}']],
);
export const cpu = panel('lines', 'CPU', 'none', 'Cores that each node uses, its threads included.', [
  [`rate(process_cpu_seconds_total${NODE}[$__rate_interval])`, '{{instance}}'],
]);
