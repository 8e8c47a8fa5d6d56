// Where a model runs, for the whole system. Vectors of two providers differ in bits, so the first process that needs a model
// tries its providers in order and records which one works; all others take that one, or refuse to start.
import { z } from 'zod';
import { canonicalJson, inspectModel, type ModelIdentity, onProvider, PROVIDERS, sha256Hex } from '#actors';
import { type NatsLink, NatsRecords, type SystemNames } from '#nats';
import type { Logger } from '#runtime';

const recordSchema = z.object({
  model: z.string(),
  provider: z.enum(PROVIDERS),
  /** What was to come first, and why it does not work where the choice was made. */
  unavailable: z.array(z.object({ provider: z.enum(PROVIDERS), reason: z.string() })),
});

/**
 * The model on one provider. Where its settings name only one nothing is tried or recorded.
 * @throws ModelUnusable when none works
 */
export async function settleProvider(
  { link, names, log }: { readonly link: NatsLink; readonly names: SystemNames; readonly log: Logger },
  model: ModelIdentity,
): Promise<ModelIdentity> {
  const { providers } = z.object({ providers: z.array(z.enum(PROVIDERS)) }).parse(model.session);
  if (providers.length === 1) return model;
  const records = new NatsRecords(link, names.records.models);
  const key = `provider.${sha256Hex(canonicalJson([model.digest, model.recipe, providers]))}`;
  for (;;) {
    const recorded = await records.get(key);
    if (recorded !== undefined) {
      const { provider, unavailable } = recordSchema.parse(
        JSON.parse(Buffer.from(recorded.value).toString()),
      );
      if (unavailable.length > 0) {
        log.warn(
          { model: model.name, provider, unavailable },
          'the model does not run on its first provider',
        );
      }
      return { ...onProvider(model, provider), unavailable };
    }
    const { provider, unavailable } = await inspectModel(model);
    const value = Buffer.from(canonicalJson({ model: model.name, provider, unavailable }));
    // Another process may be faster: what is recorded then counts.
    await records.compareAndSet(key, value, 0);
  }
}
