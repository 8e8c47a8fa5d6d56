// The embedding service: what others ask for vectors, by model.
import { type Dashboard, panel } from './panel.ts';
import { NODE, quantile, rate } from './promql.ts';

const vectorTime = (share: number) => quantile(share, 'troupe_embed_request_seconds', 'model', NODE);
const batchItems = (share: number) => quantile(share, 'troupe_embed_batch_items', 'model', NODE);

export const embedding: Dashboard = {
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
      panel(
        'lines',
        'Breakers that are not closed, or opened',
        'short',
        'Requests wait while the model is left alone.',
        [
          [
            `sum by (instance, model) (troupe_embed_breakers{instance=~"$instance", state!="closed"})`,
            '{{instance}} {{model}}',
          ],
          [
            `sum by (model) (increase(troupe_embed_breaker_openings_total${NODE}[$__rate_interval]))`,
            '{{model}} opened',
          ],
        ],
      ),
    ],
  ],
};
