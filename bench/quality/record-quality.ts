// Pairwise F1 on FEBRL 1: 500 persons, each with one corrupted copy. Rules and threshold are fixed here; the weights are
// learned from the candidate pairs, without the truth.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BlockingRule,
  blockingKeys,
  type ComparedField,
  compareRecords,
  DedupEngine,
  learnWeights,
  matchProbability,
  type RecordFields,
  type VerifiedEdge,
} from '../../actors/dedup/index.ts';
import type { Metrics } from '../contract.ts';
import { f1Of, pairName } from './scores.ts';

const THRESHOLD = 0.9;
const KEY_LIMIT = 100;

const RULES: readonly BlockingRule[] = [
  { name: 'number', parts: [{ field: 'soc_sec_id', by: 'code' }] },
  { name: 'born', parts: [{ field: 'date_of_birth', by: 'date' }] },
  {
    name: 'name',
    parts: [
      { field: 'surname', by: 'soundex' },
      { field: 'given_name', by: 'prefix', length: 1 },
    ],
  },
  {
    name: 'place',
    parts: [
      { field: 'postcode', by: 'code' },
      { field: 'suburb', by: 'prefix', length: 3 },
    ],
  },
  {
    name: 'street',
    parts: [
      { field: 'address_1', by: 'soundex' },
      { field: 'street_number', by: 'value' },
    ],
  },
];

const FIELDS: readonly ComparedField[] = [
  { field: 'given_name', comparator: 'name' },
  { field: 'surname', comparator: 'name' },
  { field: 'street_number', comparator: 'code' },
  { field: 'address_1', comparator: 'name' },
  { field: 'address_2', comparator: 'name' },
  { field: 'suburb', comparator: 'name' },
  { field: 'postcode', comparator: 'code' },
  { field: 'state', comparator: 'exact' },
  { field: 'date_of_birth', comparator: 'date' },
  { field: 'soc_sec_id', comparator: 'code' },
];

export async function recordQuality(data: string, note: (line: string) => void): Promise<Metrics> {
  const records = await readRecords(join(data, 'records', 'febrl1.csv'));
  const fieldsOf = (content: string) => records.get(content) ?? {};
  const engine = new DedupEngine({
    indexes: { keys: { limit: KEY_LIMIT } },
    shards: 4,
    verify: () => ({ distance: 0, algorithm: 'candidate', similarity: null }),
  });
  await engine.add(
    [...records].map(([content, fields]) => ({ content, keys: blockingKeys(fields, RULES, 'bench') })),
  );
  const candidates = engine.edges();
  const compared = candidates.map(({ a, b }) => compareRecords(fieldsOf(a), fieldsOf(b), FIELDS));
  const model = learnWeights(compared, FIELDS);
  const matches = candidates.filter((_, at) => matchProbability(compared[at] ?? [], model) >= THRESHOLD);
  const nameOf = ({ a, b }: VerifiedEdge) => pairName(fieldsOf(a).rec_id ?? '', fieldsOf(b).rec_id ?? '');
  const found = new Set(matches.map(nameOf));
  const truth = truthOf([...records.values()].map(({ rec_id = '' }) => rec_id));
  const right = [...found].filter((pair) => truth.has(pair)).length;
  const proposed = candidates.filter((edge) => truth.has(nameOf(edge))).length;
  note(
    `records: blocking proposed ${candidates.length} pairs, ${proposed} of ${truth.size} true ones; ${right} confirmed, and ${found.size - right} others`,
  );
  return { 'quality.records.f1': f1Of({ found, truth }) };
}

/** Records by a digest of their line; the truth stands in `rec_id`, which no rule and no comparison reads. */
async function readRecords(path: string): Promise<ReadonlyMap<string, RecordFields>> {
  const [head = '', ...lines] = (await readFile(path, 'utf8')).trim().split('\n');
  const names = head.split(',').map((name) => name.trim());
  return new Map(
    lines.map((line) => {
      const values = line.split(',').map((value) => value.trim());
      const content = createHash('sha256').update(line).digest('hex');
      return [content, Object.fromEntries(names.map((name, at) => [name, values[at]]))] as const;
    }),
  );
}

/** `rec-7-org` and `rec-7-dup-0` are one person. */
function truthOf(ids: readonly string[]): ReadonlySet<string> {
  const persons = Map.groupBy(ids, (id) => id.split('-')[1] ?? '');
  const pairs = [...persons.values()].flatMap((same) =>
    same.flatMap((one, at) => same.slice(at + 1).map((other) => pairName(one, other))),
  );
  return new Set(pairs);
}
