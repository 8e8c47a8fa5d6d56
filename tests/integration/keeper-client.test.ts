// Questions to a keeper that get lost with whoever was to answer: a keeper changes hands while people ask.
import { expect, it } from 'vitest';
import { type NatsLink, namesOf, type SystemNames, serveNode } from '#nats';
import { ActorEnded } from '#runtime';
import { KEEPER_ACTORS } from '../../cli/node/keeper-access.ts';
import { KeeperClient } from '../../cli/node/keeper-client.ts';
import { messageCodec } from '../../cli/node/message-codec.ts';
import { describeOnServers } from './nats-harness.ts';

const CUT = { manifest: { number: 1 }, unchanged: false };
const SETTLED = { epoch: 2 };

await describeOnServers('a keeper that is asked to cut', (under) => {
  /** A node, and its keeper, which does with the nth question to cut what `onCut` says. */
  async function asking(onCut: (times: number) => Promise<object>) {
    const names: SystemNames = namesOf(under.newSystem());
    const [node, link] = [await under.link(), await under.link()];
    serveNode(node, {
      name: names.service,
      id: 'node',
      version: '1.0.0',
      description: 'a node',
      metadata: {},
      statsData: () => ({}),
      endpoints: [],
    });
    const serve = (actor: string, answer: () => Promise<object>) =>
      node.serve(names.subjects.ask('photos', actor), async () => messageCodec.encode(await answer()));
    let cuts = 0;
    serve(KEEPER_ACTORS.order, () => onCut(++cuts));
    serve(KEEPER_ACTORS.read, async () => SETTLED);
    await node.flush();
    const client = new KeeperClient({ link, names, dataset: 'photos', timeoutMs: 2_000 });
    return { client, cuts: () => cuts };
  }

  it('is asked again when it answers what came later, and not the cut', async () => {
    const lost = new Promise<never>(() => {});
    const { client, cuts } = await asking((times) => (times === 1 ? lost : Promise.resolve(CUT)));
    expect(await client.cut()).toEqual(CUT);
    expect(cuts()).toBe(2);
  });

  it('is asked again when it ended over the cut', async () => {
    const { client, cuts } = await asking((times) =>
      times < 3 ? Promise.reject(new ActorEnded('photos/ledger/keeper')) : Promise.resolve(CUT),
    );
    expect(await client.cut()).toEqual(CUT);
    expect(cuts()).toBe(3);
  });

  it('is not asked again when it refuses, which is told', async () => {
    const { client, cuts } = await asking(() => Promise.reject(new RangeError('no room for manifests')));
    await expect(client.cut()).rejects.toThrow('no room for manifests');
    expect(cuts()).toBe(1);
  });
});

await describeOnServers('requests to what ends at that moment', (under) => {
  it('are answered, or find nobody; none is lost', async () => {
    const [server, client] = [await under.link(), await under.link()];
    const subject = `${under.newSystem()}.echo`;
    const outcomes = new Set<string>();
    for (let round = 0; round < 40; round += 1) {
      const end = server.serve(subject, async (data) => data);
      await server.flush();
      const asked = Array.from({ length: 20 }, () => outcomeOf(client, subject));
      // The requests are at the server, on their way to who ends now.
      await client.flush();
      end();
      for (const outcome of await Promise.all(asked)) outcomes.add(outcome);
    }
    expect([...outcomes].filter((outcome) => outcome !== 'NoResponders')).toEqual(['answered']);
  });
});

async function outcomeOf(link: NatsLink, subject: string): Promise<string> {
  try {
    await link.request(subject, new Uint8Array(), 3_000);
    return 'answered';
  } catch (error) {
    return (error as Error).name;
  }
}
