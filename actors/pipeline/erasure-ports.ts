// What an erasure needs from outside beside the stores of the dataset: how far the queues are, and a way to delete what
// an item left elsewhere.
import type { Stage } from './dataset-ports.ts';

/** What a queue holds, acknowledged messages not counted. */
export interface QueueStanding {
  /** Sequence, in the queue, of the oldest message that is not done; above `last` when there is none. */
  readonly first: number;
  /** Of the newest message that it ever held. */
  readonly last: number;
}

export interface ErasurePorts {
  queue(stage: Stage): Promise<QueueStanding>;
  /** The dead letters of intake sequences: their numbers and bodies. */
  deadLetters(
    sequences: ReadonlySet<number>,
  ): Promise<readonly { readonly letter: number; readonly body: Uint8Array }[]>;
  deleteDeadLetter(letter: number): Promise<void>;
  /** Deletes the copy that was uploaded under an `obj://` URI; an absent one is no error. */
  deleteUpload(uri: string): Promise<void>;
  /** Deletes vectors by any model that are shared beyond the dataset, also from the memory of nodes. */
  forgetVectors(contents: readonly string[]): Promise<void>;
}
