// The dashboards: overview, stages, dedup, embedding, cluster. What nodes count themselves is summed over them; what is the same
// whichever node is asked (queues, streams, manifests) is taken once, as the maximum.
import type { Dashboard, Panel, Query, Unit } from './panel.ts';

const OF = '{dataset=~"$dataset"}';
const HERE = '{dataset=~"$dataset", instance=~"$instance"}';
const NODE = '{instance=~"$instance"}';

const rate = (metric: string, by: string, filter = HERE) =>
  `sum by (${by}) (rate(${metric}${filter}[$__rate_interval]))`;
const once = (metric: string, by: string) => `max by (${by}) (${metric}${OF})`;
const quantile = (share: number, metric: string) =>
  `histogram_quantile(${share}, sum by (dataset, stage, le) (rate(${metric}_bucket${HERE}[$__rate_interval])))`;

function panel(
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

const throughput = panel(
  'lines',
  'Items a second by stage',
  'ops',
  'What each stage handled, over all nodes.',
  [[rate('troupe_stage_items_total', 'dataset, stage'), '{{dataset}} {{stage}}']],
);
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
const oldest = panel(
  'lines',
  'Oldest message by stage',
  's',
  'Age of the oldest message that is not acknowledged. What is held may be old, where its source is down or slow.',
  [[once('troupe_queue_oldest_seconds', 'dataset, stage'), '{{dataset}} {{stage}}']],
);
const verdicts = panel(
  'stack',
  'Verdicts a second',
  'ops',
  'How items end: `review` is the borderline band.',
  [[rate('troupe_verdicts_total', 'dataset, verdict'), '{{dataset}} {{verdict}}']],
);
const deadLetters = panel(
  'stack',
  'Dead letters a second',
  'ops',
  'By what was at fault: the message, the content, its source, or our own work. `troupe dead list` shows them.',
  [[rate('troupe_dead_letters_total', 'dataset, stage, class'), '{{dataset}} {{stage}} {{class}}']],
);
const restarts = panel('lines', 'Restarts', 'short', 'Actors that were started again, in each interval.', [
  [
    `sum by (dataset, actor) (increase(troupe_actor_restarts_total${HERE}[$__rate_interval])) > 0`,
    '{{dataset}} {{actor}}',
  ],
]);
const openBreakers = panel(
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
const loopLag = panel(
  'lines',
  'Event-loop lag, p99',
  's',
  'Late timers on the loop that acknowledges and renews leases. A lease is 10 s: beyond a third of it a node is in danger.',
  [[`nodejs_eventloop_lag_p99_seconds${NODE}`, '{{instance}}']],
);
const memory = panel('lines', 'Memory', 'bytes', 'Resident memory of each node.', [
  [`process_resident_memory_bytes${NODE}`, '{{instance}}'],
]);
const cpu = panel('lines', 'CPU', 'none', 'Cores that each node uses, its threads included.', [
  [`rate(process_cpu_seconds_total${NODE}[$__rate_interval])`, '{{instance}}'],
]);

const overview: Dashboard = {
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

const stages: Dashboard = {
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
        [[quantile(0.5, 'troupe_stage_hop_seconds'), '{{dataset}} {{stage}}']],
      ),
      panel('lines', 'Time in a stage, p95', 's', 'The same for the slowest twentieth.', [
        [quantile(0.95, 'troupe_stage_hop_seconds'), '{{dataset}} {{stage}}'],
      ]),
      panel('lines', 'Time of a batch, p95', 's', 'From when a batch is in hand until it is acknowledged.', [
        [quantile(0.95, 'troupe_stage_batch_seconds'), '{{dataset}} {{stage}}'],
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

const dedup: Dashboard = {
  name: 'dedup',
  title: 'dedup',
  description: 'Duplicates, borderline items, and what the newest manifest has.',
  rows: [
    [
      panel('stat', 'Exact duplicates', 'percentunit', 'Share of the items whose content was known.', [
        [
          `${rate('troupe_contents_total', 'dataset', '{dataset=~"$dataset", content="known"}')} / ${rate('troupe_contents_total', 'dataset', OF)}`,
          '{{dataset}}',
        ],
      ]),
      panel('stat', 'Borderline items', 'percentunit', 'Share of the verdicts that wait for a person.', [
        [
          `${rate('troupe_verdicts_total', 'dataset', '{dataset=~"$dataset", verdict="review"}')} / ${rate('troupe_verdicts_total', 'dataset', OF)}`,
          '{{dataset}}',
        ],
      ]),
      panel(
        'stat',
        'Vectors from the cache',
        'percentunit',
        'Share of the items for which the model did not run.',
        [
          [
            `${rate('troupe_vectors_total', 'dataset', '{dataset=~"$dataset", cause!="inference"}')} / ${rate('troupe_vectors_total', 'dataset', OF)}`,
            '{{dataset}}',
          ],
        ],
      ),
      panel('stat', 'Newest manifest', 'none', 'Its number.', [
        [once('troupe_manifest_number', 'dataset'), '{{dataset}}'],
      ]),
    ],
    [
      panel(
        'lines',
        'Pairs a second by relation',
        'ops',
        'Pairs that were measured and are related: near, mirrored or turned, semantic, and uncertain ones for a person.',
        [[rate('troupe_pairs_total', 'dataset, relation'), '{{dataset}} {{relation}}']],
      ),
      panel('stack', 'Contents a second', 'ops', 'Items by whether their content was new.', [
        [rate('troupe_contents_total', 'dataset, content'), '{{dataset}} {{content}}'],
      ]),
    ],
    [
      verdicts,
      panel('stack', 'Newest manifest by outcome', 'short', 'Items of the newest manifest.', [
        [once('troupe_manifest_items', 'dataset, outcome'), '{{dataset}} {{outcome}}'],
      ]),
    ],
    [
      panel('stack', 'Embedding', 'ops', 'Items by where their vectors came from.', [
        [rate('troupe_vectors_total', 'dataset, cause'), '{{dataset}} {{cause}}'],
      ]),
      panel('stack', 'Memory of indexes and ledgers', 'bytes', 'By their own account, on each node.', [
        [
          `sum by (instance, dataset, actor) (troupe_accounted_bytes${HERE})`,
          '{{instance}} {{dataset}} {{actor}}',
        ],
      ]),
    ],
  ],
};

const vectorTime = (share: number) =>
  `histogram_quantile(${share}, sum by (model, le) (rate(troupe_embed_request_seconds_bucket${NODE}[$__rate_interval])))`;
const batchItems = (share: number) =>
  `histogram_quantile(${share}, sum by (model, le) (rate(troupe_embed_batch_items_bucket${NODE}[$__rate_interval])))`;

const embedding: Dashboard = {
  name: 'embedding',
  title: 'embedding',
  description: 'Requests of others for vectors, by model.',
  rows: [
    [
      panel(
        'lines',
        'Requests a second',
        'ops',
        'By how they ended. Forwarded ones are answered elsewhere.',
        [[rate('troupe_embed_requests_total', 'model, outcome', NODE), '{{model}} {{outcome}}']],
      ),
      panel('lines', 'Time to a vector', 's', 'From when a request is read until its vector is sent.', [
        [vectorTime(0.5), '{{model}} p50'],
        [vectorTime(0.99), '{{model}} p99'],
      ]),
    ],
    [
      panel('stack', 'Vectors a second', 'ops', 'By where they came from; for `inference` the model ran.', [
        [rate('troupe_embed_vectors_total', 'model, cause', NODE), '{{model}} {{cause}}'],
      ]),
      panel(
        'lines',
        'Vectors without a run',
        'percentunit',
        'Share of the requests that a cache or another request paid for.',
        [
          [
            `1 - ${rate('troupe_embed_vectors_total', 'model', '{instance=~"$instance", cause="inference"}')} / ${rate('troupe_embed_vectors_total', 'model', NODE)}`,
            '{{model}}',
          ],
        ],
      ),
    ],
    [
      panel('lines', 'Pictures in a run', 'short', 'Half of the runs have at most so many, and nearly all.', [
        [batchItems(0.5), '{{model}} p50'],
        [batchItems(0.95), '{{model}} p95'],
      ]),
      panel(
        'lines',
        'Requests in hand',
        'short',
        'On each node, and those of them that wait for a session.',
        [
          [`sum by (instance, model) (troupe_embed_under_way${NODE})`, '{{instance}} {{model}}'],
          [`sum by (instance, model) (troupe_embed_waiting${NODE})`, '{{instance}} {{model}} waiting'],
        ],
      ),
    ],
    [
      panel(
        'lines',
        'Asked to come again',
        'ops',
        'Refused under back-pressure: more waits than `waiting`, or a tenant has its share under way.',
        [
          [
            rate(
              'troupe_embed_requests_total',
              'instance, model',
              '{instance=~"$instance", outcome="retry_after"}',
            ),
            '{{instance}} {{model}}',
          ],
        ],
      ),
      panel(
        'lines',
        'Replicas',
        'short',
        'Nodes that serve the model, as each of them hears of the others.',
        [[`max by (model) (troupe_embed_replicas${NODE})`, '{{model}}']],
      ),
    ],
  ],
};

const cluster: Dashboard = {
  name: 'cluster',
  title: 'cluster',
  description: 'Nodes, shards and supervision.',
  rows: [
    [
      panel(
        'lines',
        'Nodes by state',
        'short',
        'As the other nodes see them. Unreachable: no renewal for half a lease; gone: for a whole one.',
        [['max by (state) (troupe_cluster_nodes)', '{{state}}']],
      ),
      panel(
        'stat',
        'Coordinators',
        'none',
        'Nodes that plan: one, and for a few seconds after it died none. Nothing else waits for it.',
        [['sum(troupe_cluster_coordinator)', 'coordinators']],
      ),
      panel('table', 'Versions', 'none', 'Nodes and the version that each runs.', [
        [`max by (instance, node, version) (troupe_node_info${NODE})`, '{{node}}'],
      ]),
    ],
    [
      panel('stack', 'Shards by node', 'short', 'Index shards and keepers that each node owns.', [
        [
          `sum by (instance, dataset, actor) (troupe_shards_owned${HERE})`,
          '{{instance}} {{dataset}} {{actor}}',
        ],
      ]),
      panel('lines', 'Hand-offs', 'short', 'Phases of changes of ownership in each interval.', [
        [`sum by (phase) (increase(troupe_shard_handoffs_total${HERE}[$__rate_interval]))`, '{{phase}}'],
      ]),
      panel(
        'lines',
        'Shards that do not start',
        'short',
        'They are tried again; `troupe status` has the last failure.',
        [[`sum by (instance, dataset) (troupe_shards_failing${HERE})`, '{{instance}} {{dataset}}']],
      ),
    ],
    [
      restarts,
      panel(
        'lines',
        'Crashes',
        'short',
        'Actors and threads that threw, in each interval. Hostile items end decoders; nothing else should crash.',
        [
          [
            `sum by (dataset, actor) (increase(troupe_actor_crashes_total${HERE}[$__rate_interval])) > 0`,
            '{{dataset}} {{actor}}',
          ],
        ],
      ),
      panel('lines', 'Supervisors that gave up', 'short', 'Each is a step towards the end of a node.', [
        [
          `sum by (dataset) (increase(troupe_actor_escalations_total${HERE}[$__rate_interval]))`,
          '{{dataset}}',
        ],
      ]),
    ],
    [
      openBreakers,
      panel('lines', 'Breakers that opened', 'short', 'In each interval.', [
        [
          `sum by (dataset, dependency) (increase(troupe_breaker_openings_total${HERE}[$__rate_interval]))`,
          '{{dataset}} {{dependency}}',
        ],
      ]),
      panel('lines', 'Connections lost', 'short', 'How often a connection to NATS broke, in each interval.', [
        [`increase(troupe_nats_disconnects_total${NODE}[$__rate_interval])`, '{{instance}}'],
      ]),
    ],
    [
      loopLag,
      panel('lines', 'Heap and buffers', 'bytes', 'Heap of the main thread, and buffers outside it.', [
        [`nodejs_heap_size_used_bytes${NODE}`, '{{instance}} heap'],
        [`nodejs_external_memory_bytes${NODE}`, '{{instance}} buffers'],
      ]),
      cpu,
    ],
  ],
};

export const DASHBOARDS: readonly Dashboard[] = [overview, stages, dedup, embedding, cluster];
