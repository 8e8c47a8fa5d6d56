// What a refused append means. The adapter of the journal tells them apart; an event-sourced actor passes all on. After
// most, its supervisor's restart reloads the state; one that was refused for want of room may simply come again.

/** Another owner has taken the journal under a higher epoch: this one must stop and may not answer any more. */
export class JournalFenced extends Error {
  override readonly name = 'JournalFenced';
  readonly code = 'journal_fenced';
}

/** The journal's last sequence is not the expected one, but the owner is the same: reload the state and go on. */
export class JournalConflict extends Error {
  override readonly name = 'JournalConflict';
  readonly code = 'journal_conflict';
}

/**
 * There is no room where it was to be stored: nothing was written, and nobody else can write there either. The state of
 * whoever tried is as it was before.
 */
export class StorageFull extends Error {
  override readonly name: string = 'StorageFull';
  readonly code = 'storage_full';
  /** By its consequence: somebody has to make room, and waiting for that costs no attempt. */
  readonly failureClass = 'recoverable';
}

/** A snapshot that counts cannot be read back: it is absent, or its bytes are not those of its digest. */
export class SnapshotUnreadable extends Error {
  override readonly name = 'SnapshotUnreadable';
  readonly code = 'snapshot_unreadable';
}
