// What a batch of messages to the keeper says that its ledger does not know yet.
import type { Delivery } from '#runtime';
import type { KeptItem } from '../pipeline/item-tracer.ts';
import type { ComparedMessage, KeepMessage, VerdictMessage } from '../pipeline/messages.ts';
import type { JournaledVerdict } from '../pipeline/stage-meter.ts';
import type { Ledger } from './ledger.ts';

/** Of each sequence the one verdict that says something new. */
export function newVerdicts(ledger: Ledger, messages: readonly KeepMessage[]): readonly VerdictMessage[] {
  const accepted = new Map<number, VerdictMessage>();
  for (const message of messages) {
    if (message.type === 'compared') continue;
    const known = accepted.get(message.sequence);
    const replaces = known === undefined || (known.type === 'dead' && message.type === 'judged');
    if (replaces && ledger.accepts(message)) accepted.set(message.sequence, message);
  }
  return [...accepted.values()];
}

/** What was compared anew; what died of it counts as compared with nothing. */
export function comparedMessages(
  ledger: Ledger,
  messages: readonly KeepMessage[],
): readonly ComparedMessage[] {
  const { next, current } = ledger.generations;
  return messages.flatMap((message): readonly ComparedMessage[] => {
    if (message.type === 'compared') return [message];
    if (message.type !== 'dead' || message.stage !== 'replay') return [];
    const entry = ledger.entry(message.sequence);
    const content = entry?.type === 'judged' ? entry.facts?.content : undefined;
    if (content === undefined) return [];
    return [{ type: 'compared', generation: next ?? current, content, edges: [], failure: message.reason }];
  });
}

/** Those of the messages that are verdicts, each with the delivery that it came in. */
export function keptItems(
  deliveries: readonly Delivery[],
  messages: readonly KeepMessage[],
): readonly KeptItem[] {
  return deliveries.flatMap((delivery, at) => {
    const message = messages[at];
    if (message === undefined || message.type === 'compared') return [];
    return [{ delivery, sequence: message.sequence, isDead: message.type === 'dead' }];
  });
}

/** How a verdict is counted. */
export function journaledAs(message: VerdictMessage): JournaledVerdict {
  return message.type === 'dead' ? 'dead' : message.judgement.verdict;
}
