// Native code that a worker thread must not be terminated in: a library that finds its environment gone when it returns
// ends the whole process. The thread says when it goes in, the actor's side asks before it terminates it, and of the two
// one comes first. A thread that is to end while it is inside ends itself when it comes out.

/** What the thread and the actor's side share. */
export type NativeGate = Int32Array<SharedArrayBuffer>;

const OUTSIDE = 0;
const INSIDE = 1;
/** It is to end as soon as it is out. */
const LEAVING = 2;
/** It is being terminated, and goes in no more. */
const CLOSED = 3;

export function newNativeGate(): NativeGate {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** The actor's side: whether the thread may be terminated now; if not, it ends itself when it comes out. */
export function closeGate(gate: NativeGate): boolean {
  for (;;) {
    const state = Atomics.load(gate, 0);
    if (state === CLOSED || state === LEAVING) return state === CLOSED;
    const wanted = state === OUTSIDE ? CLOSED : LEAVING;
    if (Atomics.compareExchange(gate, 0, state, wanted) === state) return wanted === CLOSED;
  }
}

let ownGate: NativeGate | undefined;
let depth = 0;

/** The thread's side: the gate that its calls go through. */
export function useGate(gate: NativeGate): void {
  ownGate = gate;
}

/**
 * Runs native code that blocks or may not be cut off. On a thread that no actor owns it just runs.
 * @throws what `call` throws
 */
export async function nativeCall<T>(call: () => Promise<T>): Promise<T> {
  await enter();
  try {
    return await call();
  } finally {
    leave();
  }
}

async function enter(): Promise<void> {
  depth += 1;
  if (ownGate === undefined || depth > 1) return;
  // Closed: the thread is being terminated, which happens while this waits.
  if (Atomics.compareExchange(ownGate, 0, OUTSIDE, INSIDE) === CLOSED) await new Promise(() => {});
}

function leave(): void {
  depth -= 1;
  if (ownGate === undefined || depth > 0) return;
  if (Atomics.compareExchange(ownGate, 0, INSIDE, OUTSIDE) === LEAVING) process.exit(0);
}
