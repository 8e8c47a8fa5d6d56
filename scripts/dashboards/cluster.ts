// Whether the nodes and what they supervise hold together: nodes, shards, restarts, breakers, connections.
import { type Dashboard, panel } from './panel.ts';
import { HERE, NODE } from './promql.ts';
import { cpu, loopLag, openBreakers } from './shared-panels.ts';

const restarts = panel('lines', 'Restarts', 'short', 'Actors that were started again, in each interval.', [
  [
    `sum by (dataset, actor) (increase(troupe_actor_restarts_total${HERE}[$__rate_interval])) > 0`,
    '{{dataset}} {{actor}}',
  ],
]);

export const cluster: Dashboard = {
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
