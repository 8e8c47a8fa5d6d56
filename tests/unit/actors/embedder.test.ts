// The embedder before a model that fails: a dead model pauses pulling and uses nothing up, a poison item dies alone.
import { afterEach, describe, expect, it } from 'vitest';
import { type ActorSpec, type ActorSystem, ThreadCrashed, ThreadTimeout } from '#runtime';
import type { EmbedCounts } from '../../../actors/pipeline/embed-contents.ts';
import { embedderActor } from '../../../actors/pipeline/embedder.ts';
import type { EmbedCall } from '../../../actors/pipeline/guarded-session.ts';
import { MAX_ATTEMPTS } from '../../../actors/pipeline/stage.ts';
import { noMeter } from '../../../actors/pipeline/stage-meter.ts';
import { encodeVector } from '../../../actors/pipeline/vector-codec.ts';
import { vectorKey } from '../../../actors/pipeline/vector-store.ts';
import { factsOf, sha } from '../../support/ledger-messages.ts';
import { type MemoryDataset, memoryCodec, memoryDataset } from '../../support/memory-ports.ts';
import { startActors } from '../../support/start-actors.ts';

let running: ActorSystem | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

/** What the session does with a run: throwing is its answer, too. */
type Session = (pixels: readonly Uint8Array[]) => void;

interface Arena extends MemoryDataset {
  /** Runs that the session was asked for, as the first bytes of their pictures. */
  readonly runs: number[][];
  session: Session;
  item(value: number, content?: { readonly name: string; readonly fresh: boolean }): void;
  /** Intake sequences that went on. */
  embedded(): readonly number[];
  /** What the embedder told of each batch. */
  readonly counted: EmbedCounts[];
  readonly crashes: () => number;
}

/** A session at hand and an embedder with batches of at most `maxBatch`. */
async function arena(maxBatch = 4): Promise<Arena> {
  const dataset = memoryDataset();
  const { publisher } = dataset;
  const counted: EmbedCounts[] = [];
  const meter = { ...noMeter, embedded: (counts: EmbedCounts) => void counted.push(counts) };
  const ports = { ...dataset.ports, meter };
  let sequence = 0;
  let crashes = 0;
  const arena: Arena = {
    ...dataset,
    ports,
    counted,
    runs: [],
    session: () => {},
    item: (value, { name, fresh } = { name: `c${sequence + 1}`, fresh: false }) => {
      sequence += 1;
      const message = {
        sequence,
        item: sha(String(sequence)),
        id: String(sequence),
        source: '',
        time: null,
        metadata: {},
        facts: factsOf(name),
        proxy: Buffer.alloc(16, value),
        fresh,
      };
      dataset.queue('embed').add({ data: memoryCodec.encode(message) });
    },
    embedded: () =>
      publisher
        .on('work.dedup')
        .map(({ data }) => (memoryCodec.decode(data) as { readonly sequence: number }).sequence),
    crashes: () => crashes,
  };
  const session: ActorSpec<EmbedCall> = {
    type: 'actor',
    id: 'session',
    start: () => ({
      receive: ({ request: { pixels }, reply }) => {
        arena.runs.push(pixels.map((picture) => picture[0] ?? -1));
        try {
          arena.session(pixels);
          reply.ok({ vectors: pixels.map(() => Float32Array.of(1)) });
        } catch (error) {
          reply.fail(error as Error);
        }
      },
    }),
  };
  running = await startActors(
    dataset,
    [session, embedderActor(ports, { id: 'embedder', session: 'session', maxBatch, timeoutMs: 1_000 })],
    {
      onEvent: ({ type }) => {
        if (type === 'crashed') crashes += 1;
      },
    },
  );
  return arena;
}

const dead = () => {
  throw new ThreadTimeout('session', 1_000);
};

describe('an embedder whose model does not answer', () => {
  it('stops asking after three failures, pulls nothing more, and burns neither attempts nor restarts', async () => {
    const stage = await arena();
    stage.session = dead;
    for (let item = 1; item <= 20; item++) stage.item(item);
    await stage.clock.advance(5_000);
    expect(stage.runs).toHaveLength(3);
    expect(stage.breakerChanges).toEqual(['model tiny open']);
    await stage.clock.advance(600_000);
    // A batch in hand, the rest where it was, each delivered once at most.
    const inHand = stage.queue('embed').inState('held').length;
    expect(inHand).toBeLessThanOrEqual(4);
    expect(stage.queue('embed').inState('waiting')).toHaveLength(20 - inHand);
    expect(Math.max(...stage.queue('embed').deliveryCounts)).toBe(1);
    expect(stage.queue('embed').demands).toBe(0);
    expect(await stage.attempts.keys()).toEqual([]);
    expect(stage.publisher.stored).toEqual([]);
    expect(stage.crashes()).toBe(0);
    // 10, 20, 40, 60, 60 … seconds apart: one probe each, of noise and not of an item.
    const probes = stage.runs.slice(3);
    expect(probes.length).toBeGreaterThan(8);
    expect(probes.length).toBeLessThan(14);
    expect(new Set(probes.map((pictures) => pictures.length))).toEqual(new Set([1]));
  });

  it('goes on where it was when a probe is answered, and every item is embedded', async () => {
    const stage = await arena();
    stage.session = dead;
    for (let item = 1; item <= 20; item++) stage.item(item);
    await stage.clock.advance(60_000);
    stage.session = () => {};
    await stage.clock.advance(60_000);
    expect(stage.breakerChanges.slice(-2)).toEqual(['model tiny half_open', 'model tiny closed']);
    expect([...stage.embedded()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
    expect(stage.publisher.on('dead.embed')).toEqual([]);
    expect(Math.max(...stage.queue('embed').deliveryCounts)).toBe(1);
  });

  it('asks for no batch after a restart until the model may be asked', async () => {
    const stage = await arena();
    stage.session = dead;
    stage.item(1);
    await stage.clock.advance(2_000);
    stage.queue('embed').fail(new Error('the consumer is gone'));
    await stage.clock.advance(5_000);
    expect(stage.queue('embed').inState('waiting')).toEqual([1]);
    expect(stage.queue('embed').demands).toBe(0);
    stage.session = () => {};
    await stage.clock.advance(60_000);
    expect(stage.embedded()).toEqual([1]);
  });

  it('gives back what waits when it is stopped', async () => {
    const stage = await arena();
    stage.session = dead;
    stage.item(1);
    await stage.clock.advance(2_000);
    await running?.stop();
    expect(stage.trace).toEqual(['nak embed 1']);
  });
});

describe('a content', () => {
  it('is paid for once, and a repeat costs a look-up', async () => {
    const stage = await arena(1);
    stage.item(1, { name: 'same', fresh: true });
    stage.item(2, { name: 'same', fresh: false });
    await stage.clock.advance(1_000);
    expect(stage.embedded()).toEqual([1, 2]);
    expect(stage.runs).toEqual([[1]]);
  });

  it('that the ingestor had not seen before is embedded without asking for its vector', async () => {
    const stage = await arena(1);
    const asked: string[] = [];
    const { vectors } = stage.ports;
    const has = vectors.has.bind(vectors);
    vectors.has = (key) => {
      asked.push(key);
      return has(key);
    };
    stage.item(1, { name: 'new', fresh: true });
    await stage.clock.advance(1_000);
    expect({ embedded: stage.embedded(), asked }).toEqual({ embedded: [1], asked: [] });
    stage.item(2, { name: 'known', fresh: false });
    await stage.clock.advance(1_000);
    expect(asked).toHaveLength(1);
  });
});

describe('a content that somebody else has paid for', () => {
  const keyOf = ({ ports }: Arena, name: string) => vectorKey(ports, factsOf(name).content);

  it('is not given to the model: its vector is copied into the dataset, where it stays', async () => {
    const stage = await arena(4);
    const bytes = encodeVector(Float32Array.of(1), 'f32');
    await stage.ports.sharedVectors.put(keyOf(stage, 'known'), bytes);
    stage.item(1, { name: 'known', fresh: true });
    stage.item(2, { name: 'new', fresh: true });
    stage.item(3, { name: 'known', fresh: false });
    await stage.clock.advance(1_000);
    expect(stage.embedded()).toEqual([1, 2, 3]);
    expect(stage.runs).toEqual([[2]]);
    await stage.ports.sharedVectors.delete(keyOf(stage, 'known'));
    expect(await stage.ports.vectors.get(keyOf(stage, 'known'))).toEqual(bytes);
    stage.item(4, { name: 'known', fresh: false });
    await stage.clock.advance(1_000);
    expect(stage.runs).toEqual([[2]]);
    expect(stage.counted).toEqual([
      { stored: 0, shared: 1, flight: 0, inference: 0 },
      { stored: 1, shared: 0, flight: 0, inference: 1 },
      { stored: 1, shared: 0, flight: 0, inference: 0 },
    ]);
  });

  it('is given to the model all the same where what is shared is no vector of this length', async () => {
    const stage = await arena();
    await stage.ports.sharedVectors.put(keyOf(stage, 'odd'), Uint8Array.of(1, 2, 3));
    stage.item(1, { name: 'odd', fresh: true });
    await stage.clock.advance(1_000);
    expect(stage.runs).toEqual([[1]]);
    expect(await stage.ports.vectors.get(keyOf(stage, 'odd'))).toHaveLength(4);
  });

  it('first here is shared with all others, and items of one batch share one run', async () => {
    const stage = await arena(4);
    // The first batch is what is there when the embedder begins to pull.
    stage.item(1);
    for (const value of [7, 8, 9]) stage.item(value, { name: 'same', fresh: false });
    await stage.clock.advance(1_000);
    expect(stage.runs).toEqual([[1], [9]]);
    expect(stage.counted[1]).toEqual({ stored: 0, shared: 0, flight: 2, inference: 1 });
    expect(await stage.ports.sharedVectors.get(keyOf(stage, 'same'))).toEqual(
      await stage.ports.vectors.get(keyOf(stage, 'same')),
    );
  });
});

describe('an item that the model cannot bear', () => {
  it('dies after its attempts although it opens the breaker, and its neighbours go on', async () => {
    const stage = await arena();
    stage.session = (pixels) => {
      if (pixels.some((picture) => picture[0] === 66)) throw new ThreadCrashed('session', 'exit', 'exited');
    };
    for (const value of [1, 66, 3, 4, 5]) stage.item(value);
    await stage.clock.advance(600_000);
    expect([...stage.embedded()].sort((a, b) => a - b)).toEqual([1, 3, 4, 5]);
    expect(stage.queue('embed').inState('terminated')).toEqual([2]);
    expect(stage.publisher.on('dead.embed')[0]?.headers).toMatchObject({
      'Troupe-Reason': 'model_failed',
      'Troupe-Attempts': String(MAX_ATTEMPTS),
    });
    expect(stage.ports.modelBreaker.state).toBe('closed');
  });

  it('that is all there is dies, too: no stream of such items keeps the model shut', async () => {
    const stage = await arena(1);
    stage.session = (pixels) => {
      if (pixels[0]?.[0] === 66) throw new ThreadCrashed('session', 'exit', 'exited');
    };
    for (let item = 0; item < 6; item++) stage.item(66);
    stage.item(1);
    await stage.clock.advance(600_000);
    expect(stage.queue('embed').inState('terminated')).toHaveLength(6);
    expect(stage.embedded()).toEqual([7]);
  });

  it('is tried in half the batch at once where the thread ran out of memory', async () => {
    const stage = await arena(4);
    stage.session = (pixels) => {
      if (pixels.length > 1) throw new ThreadCrashed('session', 'memory', 'ran out of memory');
    };
    for (let item = 1; item <= 4; item++) stage.item(item);
    await stage.clock.advance(600_000);
    expect(stage.embedded()).toHaveLength(4);
    expect(stage.runs.map(({ length }) => length)).toEqual([1, 3, 2, 1, 1, 1]);
  });

  it('is given twice the time after each timeout: fewer pictures share the limit of a run', async () => {
    const stage = await arena(4);
    stage.session = (pixels) => {
      if (pixels.length > 1) dead();
    };
    for (let item = 1; item <= 4; item++) stage.item(item);
    await stage.clock.advance(600_000);
    expect(stage.embedded()).toHaveLength(4);
  });
});
