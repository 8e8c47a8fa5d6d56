// The actor runtime beside nact and, where it is installed, Erlang on one scheduler. Each contestant is a process of
// its own that stays warm; they take turns, scenario by scenario and round by round, and each answer is held
// against what must have been handled.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Contestant, erlangLaunch, type Launch, nodeLaunch } from './contestants/contestant.ts';
import type { Answer, Scenario } from './contestants/protocol.ts';
import { type Bench, type BenchOptions, type Metric, type Metrics, metricOf } from './contract.ts';

type Name = Launch['name'];
type Rounds = ReadonlyMap<Name, readonly Answer[]>;

/** Messages or actors for each scenario, chosen so that a round takes each contestant about half a second. */
const sizes: Readonly<Record<Exclude<Scenario, 'idle' | 'restart'>, Readonly<Record<Name, number>>>> = {
  tell: { troupe: 2_000_000, nact: 200_000, erlang: 4_000_000 },
  ask: { troupe: 200_000, nact: 50_000, erlang: 500_000 },
  ask64: { troupe: 300_000, nact: 50_000, erlang: 500_000 },
  pingpong: { troupe: 1_000_000, nact: 200_000, erlang: 2_000_000 },
  fanin: { troupe: 1_000_000, nact: 200_000, erlang: 2_000_000 },
  spawn: { troupe: 10_000, nact: 10_000, erlang: 100_000 },
};
const idleActors = 100_000;
const restarts = 1_000;

export const actorsBench: Bench = { parts: [], run: compareActors };

async function compareActors(options: BenchOptions): Promise<Metrics> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-bench-'));
  try {
    const erlang = await erlangLaunch(folder);
    if (erlang === undefined) options.note('there is no Erlang (erlc) here: its figures are left out');
    const launches = [nodeLaunch('troupe'), nodeLaunch('nact'), ...(erlang ? [erlang] : [])];
    return { ...(await playAll(launches, options)), ...(await idleBytes(launches, options)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function playAll(launches: readonly Launch[], options: BenchOptions): Promise<Metrics> {
  await using stack = new AsyncDisposableStack();
  const contestants = launches.map((launch) => stack.use(new Contestant(launch)));
  const share = options.quick ? 0.1 : 1;
  const play = (scenario: keyof typeof sizes) =>
    interleaved(contestants, options, scenario, (name) => sizes[scenario][name] * share);
  const tell = await play('tell');
  const ask = await play('ask');
  const ask64 = await play('ask64');
  const metrics = {
    ...ratio('actors.tell_ratio_nact', tell, 'nact'),
    ...ratio('actors.tell_ratio_erlang', tell, 'erlang'),
    ...ratio('actors.ask_ratio_nact', ask, 'nact'),
    ...ratio('actors.ask_ratio_erlang', ask, 'erlang'),
    ...ratio('actors.ask64_ratio_nact', ask64, 'nact'),
    ...ratio('actors.ask64_ratio_erlang', ask64, 'erlang'),
    ...rates('tell', tell),
    ...rates('ask', ask),
    ...rates('ask64', ask64),
    ...rates('pingpong', await play('pingpong')),
    ...rates('fanin', await play('fanin')),
    ...rates('spawn', await play('spawn')),
  };
  const restart = await interleaved(contestants, options, 'restart', () => restarts * share);
  return {
    ...metrics,
    ...figures('restart_p99_ms', restart, 'p99Ms', 'ms'),
    ...figures('restart_p50_ms', restart, 'p50Ms', 'ms'),
    ...(await losses(contestants)),
  };
}

/** What becomes of messages at a stop and in a crash loop. */
async function losses(contestants: readonly Contestant[]): Promise<Metrics> {
  const [stopped, crashing] = [100, 1_000];
  const metrics: Record<string, Metric> = {};
  for (const contestant of contestants) {
    if (contestant.name === 'erlang') continue;
    const prefix = prefixOf(contestant.name);
    const stop = await contestant.show('stop', stopped);
    const loop = await contestant.show('crashloop', crashing);
    const unit = (of: number) => `of ${of} messages neither handled nor a dead letter`;
    metrics[`${prefix}stop_unaccounted`] = { value: unaccounted(stop, stopped), unit: unit(stopped) };
    metrics[`${prefix}crashloop_unaccounted`] = { value: unaccounted(loop, crashing), unit: unit(crashing) };
    metrics[`${prefix}crashloop_restarts`] = {
      value: loop.figures?.restarts ?? Number.NaN,
      unit: 'restarts',
    };
  }
  return metrics;
}

function unaccounted({ handled, figures }: Answer, told: number): number {
  return told - handled - (figures?.deadLetters ?? 0);
}

/** Each measure in a process of its own, so that nothing else has shaped its heap. */
async function idleBytes(launches: readonly Launch[], options: BenchOptions): Promise<Metrics> {
  const answers = new Map<Name, Answer[]>(launches.map(({ name }) => [name, []]));
  const actors = options.quick ? idleActors / 10 : idleActors;
  for (let round = 0; round < (options.quick ? 1 : 3); round += 1) {
    for (const launch of launches) {
      await using contestant = new Contestant(launch);
      answers.get(launch.name)?.push(await contestant.play('idle', actors));
    }
  }
  return figures('idle_bytes', answers, 'bytes', `bytes an actor, ${actors} of them`);
}

async function interleaved(
  contestants: readonly Contestant[],
  options: BenchOptions,
  scenario: Scenario,
  sizeOf: (name: Name) => number,
): Promise<Rounds> {
  const answers = new Map<Name, Answer[]>(contestants.map(({ name }) => [name, []]));
  for (const contestant of contestants) await contestant.play(scenario, sizeOf(contestant.name));
  for (let round = 0; round < (options.quick ? 3 : 7); round += 1) {
    for (const contestant of contestants) {
      answers.get(contestant.name)?.push(await contestant.play(scenario, sizeOf(contestant.name)));
    }
  }
  const told = [...answers].map(([name, rounds]) => `${name} ${metricOf(rounds.map(perSecond), '').value}/s`);
  options.note(`${scenario}: ${told.join(', ')}`);
  return answers;
}

function perSecond({ handled, seconds }: Answer): number {
  return handled / seconds;
}

/** Ours over theirs, round by round. */
function ratio(metric: string, rounds: Rounds, reference: Name): Metrics {
  const ours = rounds.get('troupe') ?? [];
  const theirs = rounds.get(reference);
  if (theirs === undefined) return {};
  const ratios = ours.map((answer, at) => perSecond(answer) / perSecond(theirs[at] ?? answer));
  return { [metric]: metricOf(ratios, '', `${reference} in the same round`) };
}

function rates(scenario: Scenario, rounds: Rounds): Metrics {
  return named(`${scenario}_per_s`, rounds, (answers) =>
    metricOf(answers.map(perSecond), scenario === 'spawn' ? 'actors/s' : 'messages/s'),
  );
}

function figures(metric: string, rounds: Rounds, figure: string, unit: string): Metrics {
  return named(metric, rounds, (answers) =>
    metricOf(
      answers.map((answer) => answer.figures?.[figure] ?? Number.NaN),
      unit,
    ),
  );
}

/** `actors.tell_per_s` is ours, `actors.nact_tell_per_s` is nact's. */
function named(metric: string, rounds: Rounds, of: (answers: readonly Answer[]) => Metric): Metrics {
  return Object.fromEntries(
    [...rounds].map(([name, answers]) => [`${prefixOf(name)}${metric}`, of(answers)]),
  );
}

function prefixOf(name: Name): string {
  return name === 'troupe' ? 'actors.' : `actors.${name}_`;
}
