// What an erasure needs of JetStream beside the stores of the dataset.
import type { ErasurePorts } from '#actors';
import { deleteMessage, eachMessage, type NatsLink, NatsUploads, type SystemNames, streamState } from '#nats';
import { forgetVectors } from './vector-sharing.ts';

/** The queues, dead letters and uploads of `dataset` as an erasure sees them. */
export function connectErasure(link: NatsLink, names: SystemNames, dataset: string): ErasurePorts {
  const { streams } = names;
  const dead = streams.dead(dataset);
  return {
    queue: async (stage) => {
      const stream = stage === 'intake' ? streams.intake(dataset) : streams.work(dataset, stage);
      const { firstSequence, lastSequence: last, messages } = await streamState(link, stream);
      return { first: messages === 0 ? last + 1 : firstSequence, last };
    },
    deadLetters: async (sequences) => {
      const letters: { readonly letter: number; readonly body: Uint8Array }[] = [];
      for await (const message of eachMessage(link, dead)) {
        if (!sequences.has(Number(message.header('Troupe-Sequence')))) continue;
        letters.push({ letter: message.sequence, body: message.data });
      }
      return letters;
    },
    deleteDeadLetter: (letter) => deleteMessage(link, dead, letter),
    deleteUpload: (uri) => new NatsUploads(link, names.objects.uploads).delete(uri),
    forgetVectors: (contents) => forgetVectors({ link, names }, contents),
  };
}
