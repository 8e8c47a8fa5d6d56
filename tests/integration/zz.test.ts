import { it } from 'vitest';
import { ensureDataset, namesOf, consumerStates, NatsWorkSource } from '#nats';
import { connectTo, bytes, smallDataset, text } from './nats-harness.ts';
import { availableServerVersions, startTestServer } from '../support/nats-server.ts';
import { setTimeout as sleep } from 'node:timers/promises';
it('x', async () => {
  for (const { label } of await availableServerVersions()) {
    await using server = await startTestServer({ version: label });
    const link = await connectTo(server);
    console.log('==', server.version);
    const names = namesOf('t');
    await ensureDataset(link, 'p', smallDataset('t'));
    const stream = names.streams.work('p', 'dedup'); const subject = names.subjects.work('p','dedup');
    const link2 = await connectTo(server);
    for (let i = 0; i < 15; i++) await link.publisher.publish({ subject, data: bytes(`${i}`) });
    const got: any[] = [];
    const s = await new NatsWorkSource(link, { stream, subject, consumer: 'dedup' }).subscribe({ maxBatch: 5, prefetch: 20, deliver: (b) => got.push(...b), failed: (e) => console.log('F', e) });
    s.demand(); await sleep(100);
    console.log(got.length, (s as any).held);
    await s.close();
    console.log(await consumerStates(link, stream));
    for (const d of got) d.ack();
    const seen: string[] = [];
    const s2: any = await new NatsWorkSource(link2, { stream, subject, consumer: 'dedup' }).subscribe({ maxBatch: 10, prefetch: 20, deliver: (b) => { seen.push(...b.map((d) => text(d.data) + ':' + d.deliveries)); s2.demand(); }, failed: (e) => console.log('F', e) });
    s2.demand();
    for (let k = 0; k < 4; k++) { await sleep(300);
    console.log(seen.join(' '), await consumerStates(link, stream)); }
    await link.close(); await link2.close();
  }
}, 60000);
