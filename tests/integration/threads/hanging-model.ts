// A session that answers like a model, but hangs for as long as the file named by `TROUPE_TEST_HANG` is there.
import { existsSync } from 'node:fs';
import { serveThread } from '#runtime';

serveThread<
  { readonly pixels: readonly Uint8Array[] },
  { readonly vectors: readonly Float32Array<ArrayBuffer>[] }
>({
  async handle({ pixels }) {
    // Blocked for good, as a native call that never returns blocks its thread.
    while (existsSync(process.env.TROUPE_TEST_HANG ?? ''));
    const vectors = pixels.map(() => Float32Array.of(1));
    return { result: { vectors }, transfer: vectors.map(({ buffer }) => buffer) };
  },
});
