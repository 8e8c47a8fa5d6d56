// The actors bench's contestant of this repository: default options throughout (bounded mailboxes, supervision,
// dead letters).
import {
  type ActorRef,
  type ActorSpec,
  ActorSystem,
  type Reply,
  type SpawnSpec,
  type SupervisorSpec,
} from '#runtime';
import { type Answer, askersAtOnce, fanInSenders, percentiles } from './protocol.ts';
import { askAll, serve, settledBytes, Tally } from './serve.ts';

const timeoutMs = 30_000;

interface Numbered {
  readonly n: number;
}

function under(id: string, children: SupervisorSpec['children']): SupervisorSpec {
  return { type: 'supervisor', id, strategy: 'one_for_one', children };
}

function startSystem(children: SupervisorSpec['children']): Promise<ActorSystem> {
  return ActorSystem.start({ name: 'bench', root: under('root', children) });
}

function counter(id: string, tally: Tally): ActorSpec<Numbered> {
  return { type: 'actor', id, start: () => ({ receive: ({ n }) => tally.add(n) }) };
}

/** Tells 0 … count - 1; a full mailbox makes it wait. */
async function tellAll(ref: ActorRef<Numbered>, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const message = { n };
    for (let outcome = ref.tell(message); outcome !== 'queued'; outcome = ref.tell(message)) {
      if (outcome === 'dead') throw new Error(`${ref.path} has ended`);
      await ref.room();
    }
  }
}

async function tell(size: number): Promise<Answer> {
  const tally = new Tally(size);
  const system = await startSystem([counter('sink', tally)]);
  await tellAll(system.ref('sink'), size);
  const answer = await tally.answer();
  await system.stop();
  return answer;
}

interface Request extends Numbered {
  readonly reply: Reply<number>;
}

async function ask(size: number, askers: number): Promise<Answer> {
  const server: ActorSpec<Request> = {
    type: 'actor',
    id: 'server',
    start: () => ({ receive: ({ n, reply }) => reply.ok(n + 1) }),
  };
  const system = await startSystem([server]);
  const ref = system.ref<Request>('server');
  const answer = await askAll(size, askers, (n) => ref.ask<number>((reply) => ({ n, reply }), { timeoutMs }));
  await system.stop();
  return answer;
}

async function pingPong(size: number): Promise<Answer> {
  const tally = new Tally(size);
  const player = (id: string, other: string): ActorSpec<Numbered> => ({
    type: 'actor',
    id,
    start: (context) => {
      const opponent = context.ref<Numbered>(other);
      return {
        receive: ({ n }) => {
          tally.add(n);
          if (n < size) opponent.tell({ n: n + 1 });
        },
      };
    },
  });
  const system = await startSystem([player('ping', 'pong'), player('pong', 'ping')]);
  system.ref<Numbered>('ping').tell({ n: 1 });
  const answer = await tally.answer();
  await system.stop();
  return answer;
}

async function fanIn(size: number): Promise<Answer> {
  const tally = new Tally(size);
  const senders = Array.from(
    { length: fanInSenders },
    (_, number): ActorSpec<Numbered> => ({
      type: 'actor',
      id: `sender-${number}`,
      start: (context) => {
        const ref = context.ref<Numbered>('sink');
        return { receive: ({ n }) => tellAll(ref, n) };
      },
    }),
  );
  const system = await startSystem([counter('sink', tally), ...senders]);
  for (const { id } of senders) system.ref<Numbered>(id).tell({ n: size / fanInSenders });
  const answer = await tally.answer();
  await system.stop();
  return answer;
}

/** Below one actor; each handles its message and stops itself. */
async function spawn(size: number): Promise<Answer> {
  const ended = new Tally(size);
  const child = (number: number): SpawnSpec<Numbered> => {
    let sum = 0;
    return {
      id: `actor-${number}`,
      start: (context) => ({
        receive: ({ n }) => {
          sum += n;
          context.stop();
        },
        stopped: () => ended.add(sum),
      }),
    };
  };
  const spawner: ActorSpec<Numbered> = {
    type: 'actor',
    id: 'spawner',
    start: (context) => ({
      receive: async ({ n: count }) => {
        const numbers = Array.from({ length: count }, (_, number) => number);
        const refs = await Promise.all(numbers.map((number) => context.spawn(child(number))));
        for (const [n, ref] of refs.entries()) ref.tell({ n });
      },
    }),
  };
  const system = await startSystem([spawner]);
  system.ref<Numbered>('spawner').tell({ n: size });
  const answer = await ended.answer();
  await system.stop();
  return answer;
}

async function idle(size: number): Promise<Answer> {
  const tally = new Tally(size);
  const before = await settledBytes();
  const system = await startSystem(
    Array.from({ length: size }, (_, number) => counter(`actor-${number}`, tally)),
  );
  const bytes = ((await settledBytes()) - before) / size;
  for (let number = 0; number < size; number += 1) {
    system.ref<Numbered>(`actor-${number}`).tell({ n: 1 });
  }
  return tally.answer({ bytes });
}

/** Each actor has a supervisor of its own, with its default restarts and backoff. */
async function restart(size: number): Promise<Answer> {
  const tally = new Tally(size);
  let back: () => void = () => {};
  const system = await startSystem(
    Array.from({ length: size }, (_, number) =>
      under(`pair-${number}`, [
        {
          type: 'actor',
          id: 'actor',
          start: () => ({
            receive: ({ n }: Numbered) => {
              if (n < 0) throw new Error('crash');
              tally.add(n);
              back();
            },
          }),
        },
      ]),
    ),
  );
  const latenciesMs: number[] = [];
  for (let n = 0; n < size; n += 1) {
    const ref = system.ref<Numbered>(`pair-${n}/actor`);
    const handled = new Promise<void>((resolve) => {
      back = resolve;
    });
    const startedMs = performance.now();
    ref.tell({ n: -1 });
    ref.tell({ n });
    await handled;
    latenciesMs.push(performance.now() - startedMs);
  }
  await system.stop();
  return tally.answer(percentiles(latenciesMs));
}

/** The first message holds the actor until it is told to stop. */
async function stop(size: number): Promise<Answer> {
  const tally = new Tally(size);
  const gate = Promise.withResolvers<void>();
  let deadLetters = 0;
  const system = await ActorSystem.start({
    name: 'bench',
    root: under('root', [
      {
        type: 'actor',
        id: 'actor',
        start: () => ({ receive: ({ n }: Numbered) => gate.promise.then(() => tally.add(n)) }),
      },
    ]),
    onEvent: ({ type }) => {
      if (type === 'dead_letter') deadLetters += 1;
    },
  });
  await tellAll(system.ref('actor'), size);
  const stopped = system.stop();
  gate.resolve();
  await stopped;
  return tally.asFarAs({ deadLetters, restarts: 0 });
}

async function crashLoop(size: number): Promise<Answer> {
  const tally = new Tally(size);
  let [deadLetters, restarts] = [0, 0];
  const fragile: ActorSpec<Numbered> = {
    type: 'actor',
    id: 'actor',
    start: () => ({
      receive: () => {
        throw new Error('crash');
      },
    }),
  };
  const system = await ActorSystem.start({
    name: 'bench',
    root: under('root', [fragile]),
    onEvent: ({ type }) => {
      if (type === 'dead_letter') deadLetters += 1;
      if (type === 'restarted') restarts += 1;
    },
  });
  await tellAll(system.ref('actor'), size);
  const { reason } = await system.ended;
  if (reason !== 'restart_intensity')
    throw new Error(`expected the loop to end the system, but ${reason} did`);
  return tally.asFarAs({ deadLetters, restarts });
}

await serve({
  tell,
  ask: (size) => ask(size, 1),
  ask64: (size) => ask(size, askersAtOnce),
  pingpong: pingPong,
  fanin: fanIn,
  spawn,
  idle,
  restart,
  stop,
  crashloop: crashLoop,
});
