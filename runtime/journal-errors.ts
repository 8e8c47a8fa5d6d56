// What a refused append means. The adapter of the journal tells the two apart; an event-sourced actor passes
// both on, and its supervisor's restart reloads the state.

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

/** A snapshot that counts cannot be read back: it is absent, or its bytes are not those of its digest. */
export class SnapshotUnreadable extends Error {
  override readonly name = 'SnapshotUnreadable';
  readonly code = 'snapshot_unreadable';
}
