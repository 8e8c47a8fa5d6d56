// When V8 starts to mark the heap of a node and its threads. By default it does so once the room left is less than
// the young generation, and ours is large beside a small old one: every collection was followed by the next at once,
// for a tenth of all CPU time.
import { setFlagsFromString } from 'node:v8';

/**
 * Lets marking begin when 70 % of the room is used, and press from 90 %; the limits of the heap stay as they are.
 * It holds for the whole process and the threads that it starts after; it may be called again.
 */
export function tuneCollector(): void {
  setFlagsFromString('--incremental-marking-soft-trigger=70');
  setFlagsFromString('--incremental-marking-hard-trigger=90');
}
