// Looks for traces of erased contents in everything that a dataset keeps in JetStream: every message of every stream,
// as it is stored and as its objects read.
import { eachMessage, objectStream } from '#nats';
import type { ClientSystem } from '../../cli/node/client-system.ts';

/** What there must be nothing of. */
export interface Traces {
  /** sha256 of contents: allowed in manifests that were cut before, and nowhere else. */
  readonly digests: readonly string[];
  /** Perceptual hashes, 16 hex digits each. */
  readonly hashes: readonly string[];
  readonly contents: readonly Uint8Array[];
}

/** Bytes from the middle of a content that are looked for; a message may hold a part of it. */
const SAMPLE_BYTES = 64;

/** Where a trace was found: stream, subject and what it was. */
export async function leftOver(
  system: ClientSystem,
  dataset: string,
  traces: Traces,
): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { config } of system.link.manager.streams.list()) {
    const isHistory = config.name === objectStream(system.names.objects.manifests(dataset));
    const needles = needlesOf(traces, isHistory);
    for await (const message of eachMessage(system.link, config.name)) {
      const bytes = Buffer.from(message.data);
      const text = `${message.subject} ${JSON.stringify(message.headers())}`;
      for (const { name, forms } of needles) {
        if (forms.some((form) => bytes.includes(form) || text.includes(form.toString('latin1')))) {
          found.push(`${config.name} ${message.subject} at ${message.sequence}: ${name}`);
        }
      }
    }
  }
  return found;
}

function needlesOf({ digests, hashes, contents }: Traces, isHistory: boolean) {
  const hex = isHistory ? hashes : [...digests, ...hashes];
  return [
    ...hex.map((name) => ({ name, forms: [Buffer.from(name), Buffer.from(name, 'hex'), swapped(name)] })),
    ...contents.map((content, at) => {
      const middle = Math.floor(content.length / 2);
      const sample = Buffer.from(content.subarray(middle, middle + SAMPLE_BYTES));
      return { name: `bytes of content ${at}`, forms: [sample] };
    }),
  ];
}

/** As a 64-bit number lies in memory here. */
function swapped(hex: string): Buffer {
  return Buffer.from(hex, 'hex').reverse();
}
