// The program of a test run that dies in the middle: it starts a chaos system, tells the processes of it, and throws.
import { ChaosSystem } from './chaos-system.ts';

const system = await ChaosSystem.create();
await system.startAll();
const pids = [...system.nats.servers.map(({ pid }) => pid), ...system.nodes.map(({ pid }) => pid)];
process.stdout.write(`${JSON.stringify(pids)}\n`);
throw new Error('a test failed and nobody disposes of anything');
