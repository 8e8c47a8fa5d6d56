// The reference of the message-bound bench: five BullMQ queues on one Redis, a worker each, which adds to the next one.
// What the jobs that are handled at the same time add leaves as one bulk. Usage: bullmq-client.ts PORT
import { Queue, Worker } from 'bullmq';
import { Arrivals, FIRST_BULK, type NoopOrder, payloadOf, STAGES_PASSED } from './protocol.ts';
import { type NoopRun, serveOrders } from './serve-orders.ts';

/** A finished job is forgotten, as a work queue forgets what was acknowledged. */
const OPTIONS = { removeOnComplete: true };

interface Message {
  readonly id: number;
  readonly payload: string;
}

type Stage = Queue<Message, void, string>;

const connection = { host: '127.0.0.1', port: Number(process.argv[2]) };

serveOrders(prepare, async () => {});

async function prepare({ round, items, payloadBytes, tuning }: NoopOrder): Promise<NoopRun> {
  const queues = Array.from({ length: STAGES_PASSED }, (_, at): Stage => {
    return new Queue(`${round}-${at}`, { connection });
  });
  const arrivals = new Arrivals(items);
  const workers = queues.map((queue, at) => worker(queue, queues[at + 1], tuning.atOnce, arrivals));
  await Promise.all([...queues, ...workers].map((each) => each.waitUntilReady()));
  const payload = payloadOf(payloadBytes);
  return {
    start: async () => {
      const [queue] = queues;
      for (let first = 0; first < items; first += FIRST_BULK) {
        const bulk = Array.from({ length: Math.min(FIRST_BULK, items - first) }, (_, at) => first + at);
        await queue?.addBulk(bulk.map((id) => jobOf({ id, payload })));
      }
      await arrivals.complete;
    },
    finish: async () => {
      await Promise.all(workers.map((each) => each.close()));
      const left = await Promise.all(
        queues.map((queue) => queue.getJobCountByTypes('wait', 'active', 'failed')),
      );
      if (left.some((jobs) => jobs > 0)) throw new Error(`jobs are left in the queues: ${left.join(', ')}`);
      await Promise.all(
        queues.map(async (queue) => {
          await queue.obliterate();
          await queue.close();
        }),
      );
      return arrivals.counts;
    },
  };
}

function worker(from: Stage, to: Stage | undefined, concurrency: number, arrivals: Arrivals) {
  const passOn = to === undefined ? async () => {} : bulkAdds(to);
  const worker = new Worker<Message, void, string>(from.name, ({ data }) => passOn(data), {
    connection,
    concurrency,
  });
  // A job is acknowledged when the worker says so.
  if (to === undefined) {
    worker.on('completed', ({ data }) => {
      arrivals.arrived(data.id);
      arrivals.acknowledged();
    });
  }
  return worker;
}

/** Gathers what is added in one turn of the event loop. */
function bulkAdds(to: Stage): (message: Message) => Promise<void> {
  let gathered: ReturnType<typeof jobOf>[] = [];
  let added: Promise<void> | undefined;
  return (message) => {
    gathered.push(jobOf(message));
    added ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const bulk = gathered;
        gathered = [];
        added = undefined;
        to.addBulk(bulk).then(() => resolve(), reject);
      });
    });
    return added;
  };
}

/** The id makes an add that is repeated while the job is there no second job. */
function jobOf(data: Message) {
  return { name: 'item', data, opts: { ...OPTIONS, jobId: `item-${data.id}` } };
}
