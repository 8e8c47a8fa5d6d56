// A session whose pictures say what it does: 1 answers, 2 exits the thread, 3 hangs while `hangs` is set. The vector of a
// picture is its second sample.
import { serveThread } from '#runtime';

let hangs: Int32Array | undefined;

serveThread<{ readonly pixels: readonly Uint8Array[] }, { readonly vectors: readonly Float32Array[] }>({
  async start(data) {
    hangs = (data as { readonly hangs: Int32Array }).hangs;
  },
  async handle({ pixels }) {
    for (const [what] of pixels) {
      if (what === 2) process.exit(3);
      while (what === 3 && hangs !== undefined && Atomics.load(hangs, 0) === 1) Atomics.wait(hangs, 0, 1, 50);
    }
    return { result: { vectors: pixels.map(([, value = 0]) => new Float32Array([value])) } };
  },
});
