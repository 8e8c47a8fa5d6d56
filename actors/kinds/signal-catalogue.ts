// How a kind describes its signals: what rules may name, of which type each is, and what it means. Rules are checked
// against it when the configuration is loaded, and docs/rules.md lists it.

/**
 * What a rule sees: a `number` is a double, a `text` a string, a `flag` a bool, and a `time` (journaled in seconds
 * since 1970) a timestamp.
 */
export type SignalType = 'number' | 'text' | 'flag' | 'time';

export interface SignalDescription {
  readonly type: SignalType;
  /** Not every content has it: a rule asks with `has(signals.NAME)` first. */
  readonly optional?: true;
  /** One sentence with unit and range. */
  readonly meaning: string;
}

/** The signals of a kind by name. */
export type SignalCatalogue = Readonly<Record<string, SignalDescription>>;
