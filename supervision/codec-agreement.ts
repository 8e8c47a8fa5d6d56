// Which version of the message format a system writes: the highest that every living node reads. A version, once
// written, stays in queues and journals, so the change goes one way and by two steps. First it is announced: whoever
// joins from then on must read the next version. Who had joined before is visible by then, so that a later look at
// the nodes tells whether all of them read it; only then is it written.

/** Versions that a program reads and can write, both ends included. */
export interface VersionRange {
  readonly lowest: number;
  readonly highest: number;
}

/** What a system has agreed on. */
export interface CodecAgreement {
  /** What nodes write now; nothing newer is stored. */
  readonly version: number;
  /** What they are about to write. */
  readonly next?: number;
}

/** Of a system that has not agreed on anything yet. */
export const FIRST_AGREEMENT: CodecAgreement = { version: 1 };

/**
 * What is to be agreed on next; undefined when it stays as it is.
 * @param living ranges of all nodes that are not gone, as they were read after `present`
 */
export function nextAgreement(
  present: CodecAgreement,
  living: readonly VersionRange[],
): CodecAgreement | undefined {
  if (living.length === 0) return undefined;
  const { version, next } = present;
  const readable = Math.min(...living.map(({ highest }) => highest));
  if (next === undefined) return readable > version ? { version, next: readable } : undefined;
  return readable >= next ? { version: next } : { version };
}

/** Whether a program may take part: it writes what is written now and reads what will be. */
export function mayTakePart({ version, next = version }: CodecAgreement, range: VersionRange): boolean {
  return range.lowest <= version && range.highest >= next;
}
