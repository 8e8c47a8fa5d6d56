// Where time goes between intake and ledger, and which stage limits.
import { type Dashboard, panel } from './panel.ts';
import { HERE, NODE, once, quantile, rate } from './promql.ts';
import { deadLetters, oldest, throughput } from './shared-panels.ts';

export const stages: Dashboard = {
  name: 'stages',
  title: 'stages',
  description: 'Where time goes between intake and ledger, and which stage limits.',
  rows: [
    [
      throughput,
      panel(
        'lines',
        'Utilisation',
        'percentunit',
        'Share of the time in which workers had something in hand. `decode` are the threads of the intake: where it is busy with them, threads limit, else what it waits for.',
        [
          [
            `${rate('troupe_work_busy_seconds_total', 'dataset, part')} / sum by (dataset, part) (troupe_work_workers${HERE} > 0)`,
            '{{dataset}} {{part}}',
          ],
        ],
      ),
    ],
    [
      panel('lines', 'Waiting', 'short', 'Messages before each stage that nobody has in hand.', [
        [
          'max by (dataset, stage) (troupe_queue_messages{dataset=~"$dataset", state="unprocessed"})',
          '{{dataset}} {{stage}}',
        ],
      ]),
      panel(
        'lines',
        'In hand',
        'short',
        'Messages that nodes have in hand, and of those what was delivered more than once.',
        [
          [
            'max by (dataset, stage) (troupe_queue_messages{dataset=~"$dataset", state="ack_pending"})',
            '{{dataset}} {{stage}}',
          ],
          [once('troupe_queue_redelivered', 'dataset, stage'), '{{dataset}} {{stage}} redelivered'],
        ],
      ),
      oldest,
    ],
    [
      panel(
        'lines',
        'Time in a stage, median',
        's',
        'From when a message is stored in the queue until it leaves it.',
        [[quantile(0.5, 'troupe_stage_hop_seconds', 'dataset, stage'), '{{dataset}} {{stage}}']],
      ),
      panel('lines', 'Time in a stage, p95', 's', 'The same for the slowest twentieth.', [
        [quantile(0.95, 'troupe_stage_hop_seconds', 'dataset, stage'), '{{dataset}} {{stage}}'],
      ]),
      panel('lines', 'Time of a batch, p95', 's', 'From when a batch is in hand until it is acknowledged.', [
        [quantile(0.95, 'troupe_stage_batch_seconds', 'dataset, stage'), '{{dataset}} {{stage}}'],
      ]),
    ],
    [
      panel(
        'lines',
        'Fill of streams',
        'percentunit',
        'Bytes in each stream over its limit. Journals pause the intake at 80 %; a full work queue is the brake that it is meant to be.',
        [
          [
            `${once('troupe_stream_bytes', 'dataset, stream')} / ${once('troupe_stream_limit_bytes', 'dataset, stream')}`,
            '{{dataset}} {{stream}}',
          ],
        ],
      ),
      panel(
        'lines',
        'Publishes held back',
        'short',
        'Messages that nodes hold back because a stream takes nothing now.',
        [[`troupe_publishes_waiting${NODE}`, '{{instance}}']],
      ),
      deadLetters,
    ],
  ],
};
