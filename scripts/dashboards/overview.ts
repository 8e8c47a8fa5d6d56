// The first dashboard to look at: whether the system is well, and how fast it works.
import { type Dashboard, panel } from './panel.ts';
import { NODE, once } from './promql.ts';
import { cpu, deadLetters, loopLag, oldest, openBreakers, throughput, verdicts } from './shared-panels.ts';

const lag = panel(
  'stack',
  'Lag by stage',
  'short',
  'Messages in the queue of each stage, waiting or in hand. The last stage with a backlog limits; `troupe status` names it.',
  [
    [
      `sum by (dataset, stage) (${once('troupe_queue_messages', 'dataset, stage, state')})`,
      '{{dataset}} {{stage}}',
    ],
  ],
);
const memory = panel('lines', 'Memory', 'bytes', 'Resident memory of each node.', [
  [`process_resident_memory_bytes${NODE}`, '{{instance}}'],
]);

export const overview: Dashboard = {
  name: 'overview',
  title: 'overview',
  description: 'Whether the system is well, and how fast it works.',
  rows: [
    [
      panel('stat', 'Nodes ready', 'none', 'Nodes that take part in the work.', [
        [`sum(troupe_ready${NODE})`, 'ready'],
      ]),
      panel(
        'stat',
        'Without NATS',
        'none',
        'Nodes whose connection to NATS is down.',
        [[`count(troupe_nats_connected${NODE} == 0) or vector(0)`, 'disconnected']],
        [1, 2],
      ),
      panel('stat', 'Published', 'short', 'Messages that were ever published.', [
        [`sum(${once('troupe_intake_last_sequence', 'dataset')})`, 'published'],
      ]),
      panel('stat', 'Lag', 'short', 'Messages in all queues.', [
        [`sum(${once('troupe_queue_messages', 'dataset, stage, state')})`, 'messages'],
      ]),
      panel(
        'stat',
        'Oldest',
        's',
        'Age of the oldest message that is not acknowledged, without those that are held back.',
        [['max(troupe_queue_oldest_seconds{dataset=~"$dataset", stage!="held"})', 'oldest']],
        [300, 1_800],
      ),
      panel(
        'stat',
        'Dead letters',
        'short',
        'Dead letters that are kept.',
        [[`sum(${once('troupe_dead_letters_stored', 'dataset')})`, 'dead']],
        [1, 1_000],
      ),
    ],
    [throughput, lag],
    [verdicts, deadLetters],
    [oldest, openBreakers],
    [loopLag, memory, cpu],
  ],
};
