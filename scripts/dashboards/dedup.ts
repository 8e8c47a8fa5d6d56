// What is found to be alike: duplicates, borderline items, and what the newest manifest has.
import { type Dashboard, panel } from './panel.ts';
import { HERE, OF, once, rate } from './promql.ts';
import { verdicts } from './shared-panels.ts';

export const dedup: Dashboard = {
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
