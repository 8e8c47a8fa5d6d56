// For sources that are read alone: there is memory for whatever they ask.

/** Admits every body at once. */
export const admitAll = (): Promise<void> => Promise.resolve();
