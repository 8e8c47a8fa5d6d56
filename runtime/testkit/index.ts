// The public door of the test kit (`troupe/testkit`): time moved by hand, ports in memory, probes, a seeded order of
// actors, faults on demand, and checks of what actors send and wait for. Nothing of it belongs in production.
export { CrashPoint } from './crash-point.ts';
export { type AsyncMethod, type Fault, type FaultPlan, faulty } from './faulty.ts';
export { ManualClock } from './manual-clock.ts';
export { MemoryBlobs } from './memory-blobs.ts';
export { MemoryJournal } from './memory-journal.ts';
export { MemoryPublisher } from './memory-publisher.ts';
export { MemoryQueue, type QueuedMessage } from './memory-queue.ts';
export { MemoryRecords } from './memory-records.ts';
export { Probe, type ProbeOptions, ProbeTimeout } from './probe.ts';
export { SeededRandom } from './seeded-random.ts';
export { FailedUnderSeed, SeededScheduler, underSeeds } from './seeded-scheduler.ts';
export { type DeliveryFate, unreliableSource } from './unreliable-source.ts';
export { WaitCycle, WaitGraph } from './wait-graph.ts';
export { NotForTheWire, WireCheck } from './wire-check.ts';
