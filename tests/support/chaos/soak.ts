// A soak test: items flow through several nodes and three servers while faults of a seed come one after the other. The
// backlog is kept above a thousand items at each of them; afterwards everything is mended and what is left is settled.
import { setTimeout as pause } from 'node:timers/promises';
import { streamHealth } from '#nats';
import { systemClock } from '#runtime';
import type { ChaosSystem } from './chaos-system.ts';
import { type Fault, type FaultKind, faultPlan } from './fault-plan.ts';
import type { TroupeNode } from './troupe-node.ts';

export interface SoakOptions {
  readonly system: ChaosSystem;
  readonly seed: number;
  /** How long faults are injected. */
  readonly durationMs: number;
  /** Lease of the nodes, ms. */
  readonly leaseMs: number;
  /** Publishes `count` items from number `first` on; resolves when all are accepted. */
  readonly feed: (first: number, count: number) => Promise<void>;
  readonly note: (line: string) => void;
}

export interface SoakResult {
  /** Items that were published and are settled. */
  readonly items: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** Fewest accepted and unsettled items at a fault. */
  readonly leastBacklog: number;
  /** Nodes that ended without a fault of their own, with their last words. */
  readonly ended: readonly string[];
}

/** Accepted and unsettled items that there are at each fault. */
const BACKLOG = 1_000;
/** What the feeder fills up to. */
const FULL = 2_000;
const PART = 250;
const POLL_MS = 250;
const MEND_MS = 120_000;
const SETTLE_MS = 900_000;

/** Runs the soak; whatever it disturbed is mended when it resolves. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  return new Soak(options).run();
}

class Soak {
  readonly #options: SoakOptions;
  readonly #system: ChaosSystem;
  readonly #faults = new Map<FaultKind, number>();
  readonly #ended: string[] = [];
  /** Nodes with a fault that is not mended yet. */
  readonly #disturbed = new Map<string, Promise<void>>();
  /** The server that was killed, until all copies are up to date again. */
  #server: Promise<void> | undefined;
  #published = 0;
  #leastBacklog = Number.POSITIVE_INFINITY;
  #failure: unknown;
  readonly #over = new AbortController();

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#system = options.system;
  }

  async run(): Promise<SoakResult> {
    const feeding = this.#background(() => this.#feed());
    const guarding = this.#background(() => this.#guard());
    try {
      await this.#disturb();
    } finally {
      this.#over.abort();
      await Promise.all([feeding, guarding, ...this.#disturbed.values(), this.#server]);
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#options.note(`${this.#published} published; everything is mended, the rest is settled now`);
    await this.#system.client.waitSettled(this.#published, { deadlineMs: SETTLE_MS });
    const [faults, ended] = [this.#faults, this.#ended];
    return { items: this.#published, faults, leastBacklog: this.#leastBacklog, ended };
  }

  /** Fault after fault until the time is over. */
  async #disturb(): Promise<void> {
    const { seed, leaseMs, durationMs } = this.#options;
    const endMs = systemClock.monotonicMs() + durationMs;
    for (const fault of faultPlan(seed, leaseMs)) {
      await pause(fault.afterMs);
      const backlog = await this.#loaded();
      if (this.#failure !== undefined || systemClock.monotonicMs() > endMs) return;
      if (!(await this.#inject(fault))) continue;
      this.#leastBacklog = Math.min(this.#leastBacklog, backlog);
      this.#faults.set(fault.kind, (this.#faults.get(fault.kind) ?? 0) + 1);
    }
  }

  /** False where nobody is left who may be disturbed: one node always goes on, and two servers. */
  async #inject(fault: Fault): Promise<boolean> {
    const { note } = this.#options;
    if (fault.kind === 'kill a server') {
      if (this.#server !== undefined) return false;
      const { servers } = this.#system.nats;
      const index = Math.floor(fault.victim * servers.length);
      note(`${fault.kind}: ${index}, for ${fault.forMs} ms`);
      await this.#system.killServer(index);
      this.#server = this.#background(() => this.#mendServer(index, fault.forMs)).finally(() => {
        this.#server = undefined;
      });
      return true;
    }
    const calm = this.#system.nodes.filter(({ name, isUp }) => isUp && !this.#disturbed.has(name));
    const node = calm[Math.floor(fault.victim * calm.length)];
    if (node === undefined || calm.length < 2) return false;
    note(`${fault.kind}: ${node.name}, for ${fault.forMs} ms`);
    const mending = this.#background(() => this.#suffer(node, fault)).finally(() => {
      this.#disturbed.delete(node.name);
    });
    this.#disturbed.set(node.name, mending);
    return true;
  }

  /** The fault and its mending. A node whose lease was over meanwhile has ended, or will, and is started again. */
  async #suffer(node: TroupeNode, { kind, forMs }: Fault): Promise<void> {
    switch (kind) {
      case 'kill a node':
        await node.kill();
        await pause(forMs);
        return this.#startAgain(node);
      case 'freeze a node shortly':
      case 'freeze a node for long':
        node.freeze();
        await pause(forMs);
        node.thaw();
        break;
      case 'cut a node off shortly':
      case 'cut a node off for long':
        node.cut();
        await pause(forMs);
        node.heal();
        break;
      case 'kill a server':
        throw new Error('a server is no node');
    }
    if (forMs > this.#options.leaseMs) {
      const { code } = await node.ended(MEND_MS);
      if (code !== 1) throw new Error(`node ${node.name} ended with ${code} when its lease was over`);
      await this.#startAgain(node);
    }
  }

  async #mendServer(index: number, forMs: number): Promise<void> {
    await pause(forMs);
    await this.#system.restartServer(index);
    await this.#system.waitForCopies(MEND_MS);
  }

  /** Starts nodes that ended without a fault of their own, as whoever runs them would. */
  async #guard(): Promise<void> {
    while (!this.#over.signal.aborted || this.#disturbed.size > 0) {
      for (const node of this.#system.nodes) {
        if (node.isUp || this.#disturbed.has(node.name)) continue;
        const words = node.log.trim().split('\n').at(-1) ?? '';
        this.#ended.push(`${node.name}: ${words}`);
        this.#options.note(`node ${node.name} ended by itself: ${words}`);
        await this.#startAgain(node);
      }
      await pause(POLL_MS);
    }
  }

  /** A start while a leader is elected may fail: again, until it succeeds. */
  async #startAgain(node: TroupeNode): Promise<void> {
    const endMs = systemClock.monotonicMs() + MEND_MS;
    for (;;) {
      try {
        return await node.start();
      } catch (error) {
        if (node.isUp) await node.kill();
        if (systemClock.monotonicMs() > endMs) throw error;
        const [why = ''] = String(error).split('\n');
        this.#options.note(`${why}; starting it again`);
      }
    }
  }

  async #feed(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const backlog = await this.#backlog();
      if (backlog === undefined || backlog >= FULL) await pause(POLL_MS);
      else {
        await this.#options.feed(this.#published, PART);
        this.#published += PART;
      }
    }
  }

  /** Waits until the backlog is large enough; resolves to it. */
  async #loaded(): Promise<number> {
    let backlog = 0;
    await this.#system.waitFor(
      async () => {
        backlog = (await this.#backlog()) ?? 0;
        return backlog >= BACKLOG || this.#failure !== undefined;
      },
      { deadlineMs: MEND_MS, what: () => `${BACKLOG} items wait (${backlog} do)` },
    );
    return backlog;
  }

  /** Items that were accepted and have no verdict, by the queues in which they wait; undefined while no leader tells. */
  async #backlog(): Promise<number | undefined> {
    const { link, names } = await this.#system.client.connect();
    try {
      const streams = await streamHealth(link, names.system);
      const queues = streams.filter(({ stream }) => /_(INTAKE|WORK)_/.test(stream));
      if (queues.some(({ led }) => !led)) return undefined;
      return queues.reduce((sum, { messages }) => sum + messages, 0);
    } catch {
      return undefined;
    }
  }

  /** Runs beside the faults; the first failure ends the soak. */
  async #background(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#failure ??= error;
      this.#over.abort();
    }
  }
}
