// The kubelet's part in the end of a node: it sends SIGTERM, asks for health meanwhile, and would kill what is still there
// when the grace period is over. There is no other sign of it to a node.
import { systemClock } from '#runtime';
import type { PodEnd } from '../pod-end.ts';
import type { ProcessEnd } from '../troupe-process.ts';
import type { TroupeNode } from './troupe-node.ts';

/** Status codes of the two probes at one moment, and what the second one says. */
export interface ProbeAnswers {
  readonly live: number;
  readonly ready: number;
  readonly reason: string;
}

export interface ObservedEnd {
  readonly end: ProcessEnd;
  readonly tookMs: number;
  /** From SIGTERM until nothing answered any more, oldest first. */
  readonly answers: readonly ProbeAnswers[];
}

/** What the probes of a node say now; `undefined` where nothing listens. */
export async function askProbes(node: TroupeNode, pod: PodEnd): Promise<ProbeAnswers | undefined> {
  const url = node.httpUrl;
  try {
    const ready = await fetch(`${url}${pod.readyPath}`);
    const reason = (await ready.text()).trim();
    const live = await fetch(`${url}${pod.livePath}`);
    await live.text();
    return { live: live.status, ready: ready.status, reason };
  } catch {
    // Its door is closed, or its process is gone.
    return undefined;
  }
}

/** SIGTERM; resolves when the process has ended by itself. @throws when it is there after the grace period */
export async function endAsKubernetes(node: TroupeNode, pod: PodEnd): Promise<ObservedEnd> {
  const answers: ProbeAnswers[] = [];
  const startMs = systemClock.monotonicMs();
  const over = node.stop(pod.graceMs);
  const asking = (async () => {
    while (node.isUp) {
      const answer = await askProbes(node, pod);
      if (answer !== undefined) answers.push(answer);
    }
  })();
  const end = await over;
  const tookMs = systemClock.monotonicMs() - startMs;
  await asking;
  return { end, tookMs, answers };
}
