// The generated set-up on real nats-servers: what each role must be able to do, and that it is refused everything else.
import { createInbox } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NatsLink, namePatternsOf } from '#nats';
import { availableServerVersions } from '../support/nats-server.ts';
import { SecuredServer } from '../support/secured-server.ts';
import { until } from './nats-harness.ts';

const { subjects, streams } = namePatternsOf('troupe');

/** One user of each role; those of datasets have `photos` and nothing of `cats`. */
const USERS = ['publisher', 'viewer', 'reviewer', 'tenant', 'operator', 'node'] as const;
type User = (typeof USERS)[number];

/** The same roles where others manage the streams: all but `provisions` is as for the role. */
const WITHOUT_PROVISION = { node: 'worker', operator: 'deputy' } as const;
type Reduced = (typeof WITHOUT_PROVISION)[keyof typeof WITHOUT_PROVISION];

interface Attempt {
  readonly what: string;
  readonly publish?: string;
  readonly subscribe?: string;
  readonly allowed: readonly User[];
  /** It makes, changes or deletes a stream. */
  readonly provisions?: true;
}

const READERS = ['viewer', 'reviewer', 'tenant', 'operator', 'node'] as const;
const api = (operation: string) => `$JS.API.${operation}`;

const ATTEMPTS: readonly Attempt[] = [
  {
    what: 'publish to its dataset',
    publish: subjects.intake('photos'),
    allowed: ['publisher', 'reviewer', 'tenant', 'operator'],
  },
  { what: 'publish to another dataset', publish: subjects.intake('cats'), allowed: ['operator'] },
  {
    what: 'upload a content',
    publish: '$O.troupe-uploads.C.x',
    allowed: ['publisher', 'tenant', 'operator', 'node'],
  },
  {
    what: 'read an uploaded content',
    publish: api('STREAM.MSG.GET.OBJ_troupe-uploads'),
    allowed: ['operator', 'node'],
  },
  {
    what: 'read contents directly',
    publish: api('DIRECT.GET.OBJ_troupe-uploads'),
    allowed: ['operator', 'node'],
  },
  { what: 'see the streams', publish: api('STREAM.LIST'), allowed: READERS },
  { what: 'read the records of nodes', publish: api('STREAM.MSG.GET.KV_troupe-nodes'), allowed: READERS },
  {
    what: 'read items of its dataset',
    publish: api('STREAM.MSG.GET.KV_troupe-details-photos'),
    allowed: READERS,
  },
  {
    what: 'read items of another dataset',
    publish: api('STREAM.MSG.GET.KV_troupe-details-cats'),
    allowed: ['operator', 'node'],
  },
  {
    what: 'read the journals',
    publish: api(`STREAM.MSG.GET.${streams.journal('photos')}`),
    allowed: ['operator', 'node'],
  },
  {
    what: 'have an item explained',
    publish: subjects.ask('photos', 'keeper-read'),
    allowed: ['viewer', 'reviewer', 'tenant', 'operator'],
  },
  {
    what: 'have an item of another dataset explained',
    publish: subjects.ask('cats', 'keeper-read'),
    allowed: ['operator'],
  },
  {
    what: 'record what became of dead letters',
    publish: subjects.ask('photos', 'keeper-review'),
    allowed: ['reviewer', 'tenant', 'operator'],
  },
  {
    what: 'cut a manifest or erase an item',
    publish: subjects.ask('photos', 'keeper'),
    allowed: ['tenant', 'operator'],
  },
  {
    what: 'cut a manifest of another dataset',
    publish: subjects.ask('cats', 'keeper'),
    allowed: ['operator'],
  },
  {
    what: 'delete a dead letter',
    publish: api(`STREAM.MSG.DELETE.${streams.dead('photos')}`),
    allowed: ['reviewer', 'operator', 'tenant', 'node'],
  },
  {
    what: 'delete a dead letter of another dataset',
    publish: api(`STREAM.MSG.DELETE.${streams.dead('cats')}`),
    allowed: ['node', 'operator'],
  },
  {
    what: 'change its dataset',
    publish: '$KV.troupe-datasets.photos',
    allowed: ['tenant', 'operator', 'node'],
  },
  { what: 'change another dataset', publish: '$KV.troupe-datasets.cats', allowed: ['operator', 'node'] },
  { what: 'move a shard', publish: '$KV.troupe-nodes.pin.photos.0', allowed: ['tenant', 'operator', 'node'] },
  { what: 'drain a node', publish: '$KV.troupe-nodes.drain.big', allowed: ['operator', 'node'] },
  { what: 'warm the shared cache', publish: '$KV.troupe-cache.g.c', allowed: ['operator', 'node'] },
  { what: 'clear it', publish: api('STREAM.PURGE.KV_troupe-cache'), allowed: ['operator', 'node'] },
  {
    what: 'tell nodes to forget vectors',
    publish: subjects.forgetVectors,
    allowed: ['operator', 'node'],
  },
  { what: 'see what it holds', publish: api('STREAM.INFO.KV_troupe-cache'), allowed: READERS },
  { what: 'read vectors in it', publish: api('DIRECT.GET.KV_troupe-cache.x'), allowed: ['operator', 'node'] },
  { what: 'hand an item to a stage', publish: subjects.work('photos', 'score'), allowed: ['node'] },
  { what: 'write a journal', publish: subjects.journal('photos', 'ledger', '0'), allowed: ['node'] },
  { what: 'announce an outcome', publish: subjects.outcome('photos', 'kept'), allowed: ['node'] },
  { what: 'write a dead letter', publish: subjects.dead('photos', 'intake'), allowed: ['node'] },
  { what: 'tell an event', publish: subjects.events('big', 'crashed'), allowed: ['node'] },
  {
    what: 'take items from the intake',
    publish: api(`CONSUMER.MSG.NEXT.${streams.intake('photos')}.ingestor`),
    allowed: ['node'],
  },
  {
    what: 'acknowledge items of others',
    publish: `$JS.ACK.${streams.intake('photos')}.ingestor.1.1.1.1.1`,
    allowed: ['node'],
  },
  {
    what: 'make a stream of its dataset',
    publish: api(`STREAM.CREATE.${streams.intake('photos')}`),
    allowed: ['tenant', 'operator', 'node'],
    provisions: true,
  },
  {
    what: 'make any stream',
    publish: api('STREAM.CREATE.other'),
    allowed: ['operator', 'node'],
    provisions: true,
  },
  {
    what: 'change a stream',
    publish: api(`STREAM.UPDATE.${streams.events}`),
    allowed: ['operator', 'node'],
    provisions: true,
  },
  {
    what: 'make a consumer',
    publish: api(`CONSUMER.DURABLE.CREATE.${streams.intake('photos')}.ingestor`),
    allowed: ['tenant', 'operator', 'node'],
  },
  {
    what: 'delete a stream of another dataset',
    publish: api(`STREAM.DELETE.${streams.intake('none')}`),
    allowed: ['operator'],
    provisions: true,
  },
  {
    what: 'ask for a vector',
    publish: subjects.embed('troupe-tiny'),
    allowed: ['publisher', 'tenant', 'operator'],
  },
  {
    what: 'pass a request for a vector on',
    publish: subjects.askEmbed('troupe-tiny', 'big'),
    allowed: ['node'],
  },
  { what: 'tell how busy a replica is', publish: subjects.embedLoads('troupe-tiny'), allowed: ['node'] },
  { what: 'answer requests for vectors', subscribe: subjects.embed('troupe-tiny'), allowed: ['node'] },
  {
    what: 'ask which services there are',
    publish: '$SRV.PING',
    allowed: ['viewer', 'reviewer', 'tenant', 'operator'],
  },
  {
    what: 'ask the replicas of a model how they are',
    publish: '$SRV.STATS.troupe-embed-troupe-tiny',
    allowed: ['viewer', 'reviewer', 'tenant', 'operator'],
  },
  { what: 'ask the nodes how they are', publish: '$SRV.STATS.troupe-node', allowed: READERS },
  {
    what: 'answer as a replica of a model',
    subscribe: '$SRV.STATS.troupe-embed-troupe-tiny',
    allowed: ['node'],
  },
  {
    what: 'give the standing of a replica',
    subscribe: 'troupe-embed-troupe-tiny.id.stats',
    allowed: ['node'],
  },
  { what: 'take the audit log away', publish: api(`STREAM.DELETE.${streams.audit}`), allowed: [] },
  { what: 'empty the audit log', publish: api(`STREAM.PURGE.${streams.audit}`), allowed: [] },
  { what: 'write the audit log for somebody else', publish: subjects.audit('UAAA', 'erase'), allowed: [] },
  { what: 'answer a request of somebody', publish: '_INBOX.publisher.x', allowed: ['node'] },
  {
    what: 'follow the outcomes of its dataset',
    subscribe: subjects.outcome('photos', '*'),
    allowed: ['viewer', 'reviewer', 'tenant', 'operator'],
  },
  {
    what: 'follow the outcomes of another dataset',
    subscribe: subjects.outcome('cats', '*'),
    allowed: ['operator'],
  },
  {
    what: 'follow events',
    subscribe: subjects.allEvents,
    allowed: ['viewer', 'reviewer', 'tenant', 'operator'],
  },
  { what: 'listen to what is published', subscribe: subjects.intake('photos'), allowed: [] },
  { what: 'listen to everything', subscribe: '>', allowed: [] },
  { what: 'read replies to others', subscribe: '_INBOX.>', allowed: [] },
  { what: 'answer in the place of a keeper', subscribe: subjects.ask('photos', 'keeper'), allowed: ['node'] },
  { what: 'change permissions of the server', publish: '$SYS.REQ.SERVER.PING', allowed: [] },
];

for (const { label, version } of await availableServerVersions()) {
  describe(`the generated set-up, on nats-server ${version}`, () => {
    let server: SecuredServer;
    const users = new Map<User | Reduced, Attempts>();
    beforeAll(async () => {
      server = await SecuredServer.start({ version: label });
      await server.secure('add-user', 'publisher', '--role', 'publisher', '--dataset', 'photos');
      await server.secure('add-user', 'viewer', '--role', 'viewer', '--dataset', 'photos');
      await server.secure('add-user', 'reviewer', '--role', 'reviewer', '--dataset', 'photos');
      await server.secure('add-user', 'tenant', '--role', 'operator', '--dataset', 'photos');
      for (const [role, name] of Object.entries(WITHOUT_PROVISION))
        await server.secure('add-user', name, '--role', role, '--no-provision');
      await until('the server knows the last user', () =>
        server.link('deputy').then(
          (link) => link.close().then(() => true),
          () => false,
        ),
      );
      await server.must('operator', 'dataset', 'create', 'photos');
      await server.must('operator', 'dataset', 'create', 'cats');
      for (const user of [...USERS, ...Object.values(WITHOUT_PROVISION)])
        users.set(user, new Attempts(await server.link(user)));
    });
    afterAll(async () => {
      await Promise.all([...users.values()].map(({ link }) => link.close()));
      await server[Symbol.asyncDispose]();
    });

    it.each(ATTEMPTS)('lets those alone whose role it is $what', async (attempt) => {
      const { publish, subscribe, allowed } = attempt;
      const found: string[] = [];
      for (const [user, attempts] of users) {
        const may =
          publish === undefined
            ? await attempts.maySubscribe(subscribe ?? '')
            : await attempts.mayPublish(publish);
        if (may) found.push(user);
      }
      const reduced = attempt.provisions ? [] : Object.entries(WITHOUT_PROVISION);
      const alike = reduced.flatMap(([role, name]) => (allowed.includes(role as User) ? [name] : []));
      expect(found.sort()).toEqual([...allowed, ...alike].sort());
    });

    it('lets everyone tell under the own key what was done, where the role has something to do', async () => {
      const found: string[] = [];
      const { users: known } = await server.state();
      for (const [user, attempts] of users) {
        const key = known.find(({ name }) => name === user)?.keys[0]?.publicKey ?? 'none';
        if (await attempts.mayPublish(subjects.audit(key, 'erase'))) found.push(user);
      }
      expect(found).toEqual(['reviewer', 'tenant', 'operator', 'deputy']);
    });

    it('tells a publisher at once that another dataset is not for it', async () => {
      const file = await server.write('a.txt', 'a');
      const run = await server.run('publisher', 'publish', 'cats', file, '--json');
      expect(run.code).toBe(1);
      expect(JSON.parse(run.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
        error: 'permission_denied',
      });
    });
  });
}

/** A user's connection, with what the server has refused on it. */
class Attempts {
  readonly link: NatsLink;
  readonly #refusals: string[] = [];

  constructor(link: NatsLink) {
    this.link = link;
    void this.#watch();
  }

  /** Whether the server takes it: it would have complained before it answers a ping. */
  mayPublish(subject: string): Promise<boolean> {
    const { connection } = this.link;
    return this.#isTaken(subject, () =>
      connection.publish(subject, '', { reply: createInbox('_INBOX.none') }),
    );
  }

  maySubscribe(subject: string): Promise<boolean> {
    const { connection } = this.link;
    return this.#isTaken(subject, () => void connection.subscribe(subject, { callback: () => {}, max: 1 }));
  }

  async #isTaken(subject: string, action: () => void): Promise<boolean> {
    const before = this.#refusals.length;
    action();
    await this.link.flush();
    await this.link.flush();
    return !this.#refusals.slice(before).some((message) => message.includes(`"${subject}"`));
  }

  async #watch(): Promise<void> {
    for await (const status of this.link.connection.status()) {
      if (status.type === 'error') this.#refusals.push(status.error.message);
    }
  }
}
