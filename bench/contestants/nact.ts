// The actors bench's contestant nact, used as its documentation shows: stateful actors by `spawn`, `dispatch` to
// tell, `query` with a temporary reference to ask, `ctx.reset` on a crash. Its mailboxes have no bound, so a sender
// has nothing to wait for; `tell` and `fanin` let it run free.
import * as nact from 'nact';
import { type Answer, askersAtOnce, fanInSenders, percentiles } from './protocol.ts';
import { askAll, serve, settledBytes, Tally } from './serve.ts';

const timeoutMs = 30_000;

interface Numbered {
  readonly n: number;
}

interface Request extends Numbered {
  readonly sender: nact.Ref<number>;
}

type System = nact.ActorSystemRef;

async function inSystem(play: (system: System) => Promise<Answer>): Promise<Answer> {
  const system = nact.start();
  const answer = await play(system);
  nact.stop(system);
  return answer;
}

/** Its state is the sum of what it was told. */
function adding(tally: Tally) {
  return (state: number, { n }: Numbered) => {
    tally.add(n);
    return state + n;
  };
}

function tell(size: number): Promise<Answer> {
  return inSystem(async (system) => {
    const tally = new Tally(size);
    const sink = nact.spawn(system, adding(tally), 'sink', { initialState: 0 });
    for (let n = 0; n < size; n += 1) nact.dispatch(sink, { n });
    return tally.answer();
  });
}

function ask(size: number, askers: number): Promise<Answer> {
  return inSystem((system) => {
    const server = nact.spawn(
      system,
      (state: number, { n, sender }: Request) => {
        nact.dispatch(sender, n + 1);
        return state;
      },
      'server',
      { initialState: 0 },
    );
    return askAll(size, askers, (n) =>
      nact.query(server, (sender: nact.Ref<number>) => ({ n, sender }), timeoutMs),
    );
  });
}

interface Serve extends Numbered {
  readonly from: nact.Ref<Serve>;
}

function pingPong(size: number): Promise<Answer> {
  return inSystem(async (system) => {
    const tally = new Tally(size);
    const player = (state: number, { n, from }: Serve, context: { readonly self: nact.Ref<Serve> }) => {
      tally.add(n);
      if (n < size) nact.dispatch(from, { n: n + 1, from: context.self });
      return state;
    };
    const ping = nact.spawn(system, player, 'ping', { initialState: 0 });
    const pong = nact.spawn(system, player, 'pong', { initialState: 0 });
    nact.dispatch(ping, { n: 1, from: pong });
    return tally.answer();
  });
}

function fanIn(size: number): Promise<Answer> {
  return inSystem(async (system) => {
    const tally = new Tally(size);
    const sink = nact.spawn(system, adding(tally), 'sink', { initialState: 0 });
    const sender = (state: number, { n: count }: Numbered) => {
      for (let n = 0; n < count; n += 1) nact.dispatch(sink, { n });
      return state;
    };
    for (let number = 0; number < fanInSenders; number += 1) {
      const ref = nact.spawn(system, sender, `sender-${number}`, { initialState: 0 });
      nact.dispatch(ref, { n: size / fanInSenders });
    }
    return tally.answer();
  });
}

function spawn(size: number): Promise<Answer> {
  return inSystem(async (system) => {
    const ended = new Tally(size);
    const handled = new Tally(size);
    const afterStop = (state: number) => ended.add(state);
    const refs = Array.from({ length: size }, (_, n) => {
      const ref = nact.spawn(system, adding(handled), `actor-${n}`, { initialState: 0, afterStop });
      nact.dispatch(ref, { n });
      return ref;
    });
    await handled.answer();
    // The state is set a moment after the handler has returned.
    await new Promise<void>((resolve) => setImmediate(resolve));
    for (const ref of refs) nact.stop(ref);
    return ended.answer();
  });
}

async function idle(size: number): Promise<Answer> {
  const tally = new Tally(size);
  const before = await settledBytes();
  const system = nact.start();
  const refs = Array.from({ length: size }, (_, number) =>
    nact.spawn(system, adding(tally), `actor-${number}`, { initialState: 0 }),
  );
  const bytes = ((await settledBytes()) - before) / size;
  for (const ref of refs) nact.dispatch(ref, { n: 1 });
  return tally.answer({ bytes });
}

function restart(size: number): Promise<Answer> {
  return inSystem(async (system) => {
    const tally = new Tally(size);
    let back: () => void = () => {};
    const fragile = (state: number, { n }: Numbered) => {
      if (n < 0) throw new Error('crash');
      tally.add(n);
      back();
      return state;
    };
    const reset: nact.SupervisionActorFunc<Numbered, System, nact.Ref<unknown>> = (
      _message,
      _error,
      context,
    ) => context.reset;
    const refs = Array.from({ length: size }, (_, number) =>
      nact.spawn(system, fragile, `actor-${number}`, { initialState: 0, onCrash: reset }),
    );
    const latenciesMs: number[] = [];
    for (const [n, ref] of refs.entries()) {
      const handled = new Promise<void>((resolve) => {
        back = resolve;
      });
      const startedMs = performance.now();
      nact.dispatch(ref, { n: -1 });
      nact.dispatch(ref, { n });
      await handled;
      latenciesMs.push(performance.now() - startedMs);
    }
    return tally.answer(percentiles(latenciesMs));
  });
}

/** The first message holds the actor until it is stopped; nobody is told of what was not handled. */
function stop(size: number): Promise<Answer> {
  return inSystem(async (system) => {
    const tally = new Tally(size);
    const gate = Promise.withResolvers<void>();
    const held = async (state: number, { n }: Numbered) => {
      await gate.promise;
      tally.add(n);
      return state;
    };
    const ref = nact.spawn(system, held, 'actor', { initialState: 0 });
    for (let n = 0; n < size; n += 1) nact.dispatch(ref, { n });
    await turns(3);
    nact.stop(ref);
    gate.resolve();
    await turns(10 * size);
    return tally.asFarAs({ deadLetters: 0, restarts: 0 });
  });
}

function crashLoop(size: number): Promise<Answer> {
  return inSystem(async (system) => {
    const tally = new Tally(size);
    let restarts = 0;
    const fragile = (_state: number, _message: Numbered): number => {
      throw new Error('crash');
    };
    const reset: nact.SupervisionActorFunc<Numbered, System, nact.Ref<unknown>> = (
      _message,
      _error,
      context,
    ) => {
      restarts += 1;
      return context.reset;
    };
    const ref = nact.spawn(system, fragile, 'actor', { initialState: 0, onCrash: reset });
    for (let n = 0; n < size; n += 1) nact.dispatch(ref, { n });
    await turns(10 * size);
    return tally.asFarAs({ deadLetters: 0, restarts });
  });
}

/** Turns of the event loop: nact handles one message in each. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
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
