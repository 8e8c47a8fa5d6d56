// Actors over the ports of a dataset in memory, under one supervisor and the checks of that dataset.
import { ActorSystem, type SupervisorSpec, type SystemEvent } from '#runtime';
import type { MemoryDataset } from './memory-ports.ts';

/** A system by the dataset's manual clock; each child is restarted alone. */
export function startActors(
  { clock, checks }: Pick<MemoryDataset, 'clock' | 'checks'>,
  children: SupervisorSpec['children'],
  options: Pick<SupervisorSpec, 'intensity'> & { readonly onEvent?: (event: SystemEvent) => void } = {},
): Promise<ActorSystem> {
  const { onEvent, ...root } = options;
  return ActorSystem.start({
    name: 'test',
    root: { type: 'supervisor', id: 'root', strategy: 'one_for_one', children, ...root },
    clock,
    checks,
    random: { next: () => 0.5 },
    ...(onEvent && { onEvent }),
  });
}
