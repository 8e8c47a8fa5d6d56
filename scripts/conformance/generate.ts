// Random conformance scripts by seed: the same seed gives the same scripts. Trees have three levels or more,
// with every strategy, restart type and auto-shutdown; steps hit what may be alive, so that some hit nothing.
import type { AutoShutdown, RestartType, Strategy } from '#supervision';
import type { How, Node, Script, Step, Supervisor, Worker } from './script.ts';

/** Uniform numbers in [0, 1) from a 32-bit seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const restarts: readonly RestartType[] = ['permanent', 'permanent', 'transient', 'temporary'];
const strategies: readonly Strategy[] = ['one_for_one', 'rest_for_one', 'one_for_all'];
const autoShutdowns: readonly AutoShutdown[] = ['never', 'never', 'any_significant', 'all_significant'];
const hows: readonly How[] = ['crash', 'crash', 'normal', 'shutdown'];
const deepest = 4;

/** The script number `index` of this seed. */
export function generateScript(seed: number, index: number): Script {
  return new Generator(randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))).script();
}

class Generator {
  readonly #random: () => number;
  readonly #supervisors: Supervisor[] = [];
  /** Workers and supervisors with the supervisor above them. */
  readonly #children: { readonly node: Node; readonly above: Supervisor }[] = [];
  #ids = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  script(): Script {
    const root = this.#supervisor(undefined, 1, [0, 1, 3, 10, 20, 20]);
    const tree: Supervisor = { ...root, restart: 'permanent', significant: false };
    const steps: Step[] = [];
    while (this.#chance(0.07)) steps.push(this.#failure());
    const count = steps.length + 4 + this.#below(14);
    // What is planned to fail up to here fails from the first start on.
    steps.push(this.#exit(0.3));
    while (steps.length < count) steps.push(...this.#step());
    if (this.#chance(0.3)) steps.push({ type: 'stop' });
    return { tree, steps };
  }

  #supervisor(above: Supervisor | undefined, level: number, intensities: readonly number[]): Supervisor {
    const children: Node[] = [];
    const restart = this.#pick(restarts);
    const supervisor: Supervisor = {
      type: 'supervisor',
      id: `s${this.#nextId()}`,
      restart,
      significant: this.#significant(above, restart),
      strategy: this.#pick(strategies),
      intensity: this.#pick(intensities),
      autoShutdown: above === undefined && this.#chance(0.6) ? 'never' : this.#pick(autoShutdowns),
      children,
    };
    this.#supervisors.push(supervisor);
    const count = 1 + this.#below(4);
    for (let index = 0; index < count; index += 1) {
      const mustNest = level === 1 && index === count - 1 && !children.some(isSupervisor);
      const nests = mustNest || (level < deepest && this.#chance(0.3));
      children.push(this.#child(supervisor, level + 1, nests));
    }
    return supervisor;
  }

  #child(above: Supervisor, level: number, nests: boolean): Node {
    const node = nests ? this.#supervisor(above, level, [0, 1, 1, 2, 3, 5]) : this.#worker(above);
    this.#children.push({ node, above });
    return node;
  }

  #worker(above: Supervisor): Worker {
    const restart = this.#pick(restarts);
    const significant = this.#significant(above, restart);
    return { type: 'worker', id: `w${this.#nextId()}`, restart, significant };
  }

  #significant(above: Supervisor | undefined, restart: RestartType): boolean {
    if (above === undefined || above.autoShutdown === 'never' || restart === 'permanent') return false;
    return this.#chance(0.6);
  }

  #step(): readonly Step[] {
    const draw = this.#random();
    if (draw < 0.52) return [this.#exit(0.3)];
    if (draw < 0.62) return [this.#failure(), this.#exit(0.3)];
    if (draw < 0.7) return this.#failingExits();
    if (draw < 0.8) return [this.#request('terminate')];
    if (draw < 0.87) return [this.#request('restart')];
    if (draw < 0.92) return [this.#request('delete')];
    return [this.#start()];
  }

  /** Exits of siblings at once, of which some cannot be started again soon. */
  #failingExits(): readonly Step[] {
    const exit = this.#exit(0.9);
    if (exit.type !== 'exit') return [exit];
    const failing = exit.exits.filter(() => this.#chance(0.7));
    return [...failing.map(({ id }): Step => ({ type: 'fail', id, times: 1 + this.#below(3) })), exit];
  }

  #exit(severalShare: number): Step {
    const { above } = this.#pick(this.#children.filter(({ node }) => node.type === 'worker'));
    const siblings = this.#children.filter(
      ({ node, above: other }) => node.type === 'worker' && other === above,
    );
    const ids = this.#shuffle(siblings.map(({ node }) => node.id));
    const several = this.#chance(severalShare) ? 1 + this.#below(ids.length) : 1;
    const exits = ids.slice(0, several).map((id) => ({ id, how: this.#pick(hows) }));
    return { type: 'exit', supervisor: above.id, exits };
  }

  #failure(): Step {
    const { node } = this.#pick(this.#children.filter(({ node: { type } }) => type === 'worker'));
    return { type: 'fail', id: node.id, times: 1 + this.#below(3) };
  }

  #request(type: 'terminate' | 'restart' | 'delete'): Step {
    const { node, above } = this.#pick(this.#children);
    return { type, supervisor: above.id, child: node.id };
  }

  #start(): Step {
    if (this.#chance(0.3)) {
      const { node, above } = this.#pick(this.#children);
      return { type: 'start', supervisor: above.id, child: node };
    }
    const above = this.#pick(this.#supervisors);
    return { type: 'start', supervisor: above.id, child: this.#child(above, deepest - 1, this.#chance(0.3)) };
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[this.#below(from.length)];
    if (picked === undefined) throw new RangeError('nothing to pick from');
    return picked;
  }

  #shuffle<T>(from: readonly T[]): readonly T[] {
    return from
      .map((value) => ({ value, key: this.#random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ value }) => value);
  }
}

function isSupervisor(node: Node): boolean {
  return node.type === 'supervisor';
}
