// Takes vectors out of what nodes share: out of the bucket, and by a message to all nodes out of their memory.
import { z } from 'zod';
import { type NatsLink, SharedCache, type SystemNames } from '#nats';
import { messageCodec } from './message-codec.ts';

const AT_ONCE = 32;

/** What nodes are told: vectors of these contents by any model, all of these groups of the cache, or all that there are. */
export const forgottenSchema = z.union([
  z.strictObject({ contents: z.array(z.string()) }),
  z.strictObject({ groups: z.array(z.string()) }),
  z.strictObject({ all: z.literal(true) }),
]);
export type Forgotten = z.infer<typeof forgottenSchema>;

interface Place {
  readonly link: NatsLink;
  readonly names: SystemNames;
}

/** Deletes the vectors of contents, by whichever model. */
export async function forgetVectors({ link, names }: Place, contents: readonly string[]): Promise<void> {
  const cache = new SharedCache(link, names.records.cache);
  for (let at = 0; at < contents.length; at += AT_ONCE) {
    const some = contents.slice(at, at + AT_ONCE);
    await Promise.all(some.map((content) => cache.deleteNamed(content)));
    tell({ link, names }, { contents: some });
  }
}

/** Deletes some groups of the cache, or all. Resolves to how many vectors those were in the bucket. */
export async function clearVectors(
  { link, names }: Place,
  groups: readonly string[] | 'all',
): Promise<number> {
  const cache = new SharedCache(link, names.records.cache);
  let cleared = 0;
  if (groups === 'all') cleared = await cache.clear();
  else for (const group of groups) cleared += await cache.clear(group);
  tell({ link, names }, groups === 'all' ? { all: true } : { groups: [...groups] });
  return cleared;
}

/** Calls `forget` with what others have deleted, until the returned function is called. */
export function onForgotten({ link, names }: Place, forget: (forgotten: Forgotten) => void): () => void {
  return link.subscribe(names.subjects.forgetVectors, ({ data }) => {
    const message = forgottenSchema.safeParse(messageCodec.decode(data));
    if (message.success) forget(message.data);
  });
}

function tell({ link, names }: Place, forgotten: Forgotten): void {
  link.publishCore(names.subjects.forgetVectors, messageCodec.encode(forgotten));
}
