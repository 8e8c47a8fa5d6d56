// Why a model cannot be used as it is configured. Found when the model is resolved or opened: by `config check`, by
// `up`, or by the session's thread, across which the code and the message survive.
import type { ModelConfig } from '../config/model.ts';

/** A model's file or settings are wrong: the message says what was expected and what the model has. */
export class ModelUnusable extends Error {
  override readonly name = 'ModelUnusable';
  readonly code = 'config_invalid';
  /** The setting to look at, under `models.NAME`. */
  readonly setting: keyof ModelConfig;

  constructor(setting: keyof ModelConfig, message: string, options?: ErrorOptions) {
    super(message, options);
    this.setting = setting;
  }
}
