import { it } from 'vitest';
import { ensureDataset, namesOf, NatsJournal } from '#nats';
import { connectTo, smallDataset, until } from './nats-harness.ts';
import { availableServerVersions, startTestServer } from '../support/nats-server.ts';
import { setTimeout as sleep } from 'node:timers/promises';
it('x', async () => {
  for (const { label } of (await availableServerVersions()).slice(-1)) {
   for (let round = 0; round < 20; round++) {
    await using server = await startTestServer({ version: label });
    const link = await connectTo(server);
    console.log('==', server.version, round); (async () => { for await (const st of link.connection.status()) console.log(Math.round(performance.now()), JSON.stringify(st)); console.log('status ended'); })();
    const names = namesOf('t');
    await ensureDataset(link, 'p', smallDataset('t'));
    const P: any = link.publisher;
    const orig = P.publishWith.bind(P);
    let log: string[] = [];
    P.publishWith = (m: any, o: any) => { const r = orig(m, o); r.then((x: any) => log.push(`ok ${m.id.slice(-4)} exp ${o.expectLastSubjectSequence} ${JSON.stringify(x)}`), (e: any) => log.push(`ERR ${m.id.slice(-4)} exp ${o.expectLastSubjectSequence} ${e.message}`)); if (log.length > 20) log = log.slice(-15); return r; };
    const journal = new NatsJournal(link, { stream: names.streams.journal('p'), subject: names.subjects.journal('p', 'k', 0) });
    await journal.own();
    let n = 0; let done = false;
    const p = (async () => { for (; n < 600; n++) await journal.append([n, 'x'.repeat(1000)]); })().then(() => { done = true; }, (e) => { console.log('FAILED', e); done = true; });
    for (const at of [50, 200, 400]) { await until('x', () => n > at); console.log(Math.round(performance.now()), 'restart'); await server.restart();console.log(Math.round(performance.now()), 'restarted', server.url); console.log((await import('node:child_process')).execSync(`find ${server.dir} -type f -name '*log*' | xargs tail -n 60 | grep -i 'address\|FTL\|ERR\|Listening' ; ls ${server.dir}`).toString()); }
    for (let k = 0; k < 400 && !done; k++) await sleep(50);
    console.log(done, n, link.connected, (link.publisher as any).inFlight);
    if (!done) { const pr = (link.connection as any).protocol; console.log({connected: pr.connected, infoReceived: pr.infoReceived, closed: pr._closed, cp: pr.connectPromise, dd: pr.dialDelay, servers: pr.servers.getServers().map((x: any)=>[x.listen, x.reconnects, x.lastConnect-Date.now()])}); console.log(log.join('\n'));
      const jsm = link.manager; const info = await jsm.streams.info(names.streams.journal('p')); console.log(info.state);
      console.log((await jsm.streams.getMessage(names.streams.journal('p'), { last_by_subj: names.subjects.journal('p', 'k', 0) }))?.seq);
      break; }
    await link.close(); await p;
   }
  }
}, 60000);
