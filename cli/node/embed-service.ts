// A node's answers to whoever asks for vectors: by the models that its configuration names.
import type { DependencyContainer } from 'tsyringe';
import { type ServedFacts, ServedModel, type ServedModelOptions } from './served-model.ts';
import { TOKENS } from './tokens.ts';

export class EmbedService {
  readonly #models: readonly ServedModel[];

  private constructor(models: readonly ServedModel[]) {
    this.#models = models;
  }

  /** Resolves when every model that this node serves is open. @throws CommandError `config_invalid` */
  static async start(node: DependencyContainer, options: ServedModelOptions): Promise<EmbedService> {
    const { config } = node.resolve(TOKENS.config);
    const served: ServedModel[] = [];
    const { serve } = config.node.embedding;
    try {
      for (const model of new Set(serve)) served.push(await ServedModel.start(node, model, options));
    } catch (error) {
      await Promise.all(served.map((each) => each.end()));
      throw error;
    }
    return new EmbedService(served);
  }

  /** How the requests of each model stand. */
  get facts(): readonly ServedFacts[] {
    return this.#models.map(({ facts }) => facts);
  }

  /** By model. */
  get standing(): Readonly<Record<string, object>> {
    return Object.fromEntries(this.#models.map(({ name, standing }) => [name, standing]));
  }

  /** Serves the versions that the names of the configuration stand for now; the present ones until then. */
  async follow(): Promise<void> {
    await Promise.all(this.#models.map((model) => model.follow()));
  }

  /** Takes no more requests, and resolves when those that it has are answered. */
  async drain(): Promise<void> {
    await Promise.all(this.#models.map((model) => model.drain()));
  }

  /** Ends at once; what is not answered never will be. */
  async end(): Promise<void> {
    await Promise.all(this.#models.map((model) => model.end()));
  }
}
