// Runs a script through our actor system on a manual clock and writes the same trace as the recorder does for
// OTP. Backoff takes no time, and the window is longer than any script, so that only the rules decide.
import {
  type ActorContext,
  type ActorSnapshot,
  type ActorSpec,
  ActorSystem,
  ChildRefused,
  type ChildSpec,
  StartFailed,
  type SupervisorSpec,
  type SystemEvent,
} from '#runtime';
import { ManualClock } from '#testkit';
import type { How, Node, Script, Step, Supervisor, Worker } from './script.ts';

const backoff = { minMs: 0, maxMs: 0, jitter: 0, resetAfterMs: 0 };
const withinMs = 86_400_000;

/** What our system does with the script. */
export async function runHere(
  script: Script,
): Promise<{ readonly trace: readonly string[]; readonly final: string }> {
  return await new Stage(script).run();
}

interface Life {
  readonly context: ActorContext<unknown>;
  /** It ends by itself. */
  leaving: boolean;
}

class Stage {
  readonly #script: Script;
  readonly #clock = new ManualClock();
  readonly #lives = new Map<string, Life>();
  /** Starts that are still to fail, by worker. */
  readonly #failures = new Map<string, number>();
  readonly #paths = new Map<string, string>();
  readonly #supervisorAt = new Map<string, string>();
  #tokens: string[] = [];
  #system: ActorSystem | undefined;

  constructor(script: Script) {
    this.#script = script;
    this.#learn(script.tree, '/');
  }

  async run(): Promise<{ readonly trace: readonly string[]; readonly final: string }> {
    const steps = [...this.#script.steps];
    while (steps[0]?.type === 'fail') await this.#carryOut(steps.shift());
    await this.#start();
    const trace = [this.#take()];
    for (const step of steps) {
      await this.#carryOut(step);
      await this.#clock.settle();
      trace.push(this.#take());
    }
    const final = this.#system === undefined ? '' : shown(this.#system.snapshot().children);
    await this.#system?.stop();
    return { trace, final };
  }

  async #start(): Promise<void> {
    try {
      this.#system = await ActorSystem.start({
        name: 'conformance',
        root: this.#supervisorSpec(this.#script.tree),
        clock: this.#clock,
        random: { next: () => 0.5 },
        onEvent: (event) => this.#hear(event),
      });
    } catch (error) {
      if (!(error instanceof StartFailed)) throw error;
      this.#tokens.push('$start_failed');
      return;
    }
    void this.#system.ended.then(({ reason }) => {
      this.#tokens.push(`$${reason}`);
      this.#system = undefined;
    });
  }

  #hear(event: SystemEvent): void {
    if (event.type !== 'started' && event.type !== 'escalated') return;
    const supervisor = this.#supervisorAt.get(event.path);
    if (supervisor === undefined) return;
    this.#tokens.push(`${event.type === 'started' ? '^' : '#'}${supervisor}`);
  }

  async #carryOut(step: Step | undefined): Promise<void> {
    if (step === undefined) return;
    if (step.type === 'fail') {
      if (this.#system !== undefined || this.#tokens.length === 0) this.#failures.set(step.id, step.times);
      return;
    }
    if (this.#system === undefined) return;
    switch (step.type) {
      case 'exit':
        for (const { id, how } of step.exits) this.#leave(id, how);
        break;
      case 'terminate':
        await this.#request(this.#supervisor(step.supervisor).terminateChild(step.child));
        break;
      case 'restart':
        await this.#request(this.#supervisor(step.supervisor).restartChild(step.child));
        break;
      case 'delete':
        await this.#request(this.#supervisor(step.supervisor).deleteChild(step.child));
        break;
      case 'start': {
        this.#learn(step.child, this.#path(step.supervisor));
        const spec = this.#childSpec(step.child);
        const supervisor = this.#supervisor(step.supervisor);
        const started = spec.type === 'actor' ? supervisor.startChild(spec) : supervisor.startChild(spec);
        await this.#request(started);
        break;
      }
      case 'stop':
        await this.#system.stop();
        break;
    }
  }

  async #request(answer: Promise<unknown>): Promise<void> {
    const outcome = await answer.then(
      () => 'ok',
      (error: unknown) => {
        if (error instanceof ChildRefused) return error.refusal;
        if (error instanceof StartFailed) return 'start_failed';
        throw error;
      },
    );
    this.#tokens.push(`=${outcome}`);
  }

  /** It ends at once, but its supervisor hears of it only when this step's exits have all begun. */
  #leave(id: string, how: How): void {
    const life = this.#lives.get(id);
    if (life === undefined) return;
    this.#lives.delete(id);
    this.#tokens.push(`!${id}`);
    life.leaving = true;
    if (how === 'crash') life.context.crash(new Error('crash'));
    else life.context.stop();
  }

  #supervisor(id: string) {
    if (this.#system === undefined) throw new Error('the system is not running');
    return this.#system.supervisor(this.#path(id));
  }

  #path(id: string): string {
    const path = this.#paths.get(id);
    if (path === undefined) throw new Error(`expected a node of the script, but it was ${id}`);
    return path;
  }

  #learn(node: Node, above: string): void {
    const path = node === this.#script.tree ? '/' : above === '/' ? node.id : `${above}/${node.id}`;
    this.#paths.set(node.id, path);
    if (node.type === 'worker') return;
    this.#supervisorAt.set(path, node.id);
    for (const child of node.children) this.#learn(child, path);
  }

  #childSpec(node: Node): ChildSpec {
    return node.type === 'worker' ? this.#workerSpec(node) : this.#supervisorSpec(node);
  }

  #supervisorSpec(node: Supervisor): SupervisorSpec {
    const { id, restart, significant, strategy, intensity, autoShutdown } = node;
    return {
      type: 'supervisor',
      id,
      restart,
      significant,
      strategy,
      autoShutdown,
      backoff,
      intensity: { maxRestarts: intensity, withinMs },
      children: node.children.map((child) => this.#childSpec(child)),
    };
  }

  #workerSpec({ id, restart, significant }: Worker): ActorSpec<unknown> {
    return {
      type: 'actor',
      id,
      restart,
      significant,
      // A start takes its time: what ended together is known together before it fails.
      start: async (context) => {
        if (this.#failsNow(id)) throw new Error('planned');
        this.#tokens.push(`+${id}`);
        const life: Life = { context, leaving: false };
        this.#lives.set(id, life);
        return { receive: () => {}, stopped: async () => this.#stopped(id, life) };
      },
    };
  }

  #failsNow(id: string): boolean {
    const left = this.#failures.get(id) ?? 0;
    if (left === 0) return false;
    this.#failures.set(id, left - 1);
    this.#tokens.push(`~${id}`);
    return true;
  }

  #stopped(id: string, life: Life): void {
    if (life.leaving) return;
    this.#lives.delete(id);
    this.#tokens.push(`-${id}`);
  }

  #take(): string {
    return this.#tokens.splice(0).join(' ');
  }
}

function shown(children: readonly ActorSnapshot[]): string {
  return children
    .map(({ path, type, state, children: below }) => {
      const id = path.slice(path.lastIndexOf('/') + 1);
      if (state === 'stopped') return `${id}-`;
      if (state !== 'running') return `${id}?${state}`;
      return type === 'supervisor' ? `${id}+(${shown(below)})` : `${id}+`;
    })
    .join('');
}
