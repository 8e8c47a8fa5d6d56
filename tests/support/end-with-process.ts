// Processes that a test started must not outlive it, however the test's own process comes to its end.

let registered: Set<Endable> | undefined;

/** Something that a test started. */
export interface Endable {
  /** Ends it without waiting. */
  endNow(): void;
}

/** Ends it when this process ends; the returned function is for when it has ended before. */
export function endWithThisProcess(started: Endable): () => void {
  if (registered === undefined) {
    const all = new Set<Endable>();
    registered = all;
    process.once('exit', () => {
      for (const each of all) each.endNow();
    });
    // The runner tells its workers to end, or is itself gone.
    process.once('SIGTERM', () => process.exit(143));
    process.once('disconnect', () => process.exit(1));
  }
  registered.add(started);
  return () => {
    registered?.delete(started);
  };
}
