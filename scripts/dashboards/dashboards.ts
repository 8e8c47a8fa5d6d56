// All dashboards; each has a file of its own.
import { cluster } from './cluster.ts';
import { dedup } from './dedup.ts';
import { embedding } from './embedding.ts';
import { overview } from './overview.ts';
import type { Dashboard } from './panel.ts';
import { stages } from './stages.ts';

export const DASHBOARDS: readonly Dashboard[] = [overview, stages, dedup, embedding, cluster];
