// The inner loop of the vector scan as a WebAssembly module of some 500 bytes, written here instruction by
// instruction: Node.js has no other portable SIMD. Two vectors are multiplied with four queries at a time, so that eight
// sums run side by side and each vector read from memory serves four queries.

/** Queries that one call takes. */
export const KERNEL_QUERIES = 4;
/** Vectors that one step takes: what is scanned is a multiple of them. */
export const KERNEL_VECTORS = 2;

export interface VectorKernel {
  /**
   * Finds the products at or above `threshold`, in single precision and an order of its own.
   * @param from Address of the first vector; each has `stride` bytes, a multiple of 16.
   * @param end Address behind the last one.
   * @param queries Address of the four queries.
   * @param out Address where each hit is written as `4 · vector + query`, 4 bytes; the first vector is number `first`.
   * @returns how many hits were written, at most four a vector
   */
  scan(
    from: number,
    end: number,
    queries: number,
    stride: number,
    threshold: number,
    out: number,
    first: number,
  ): number;
}

/** Memory that the kernel reads, in pages of 64 KiB. */
export interface KernelMemory {
  /** Another buffer after each `grow`. */
  readonly buffer: ArrayBuffer;
  /** Adds pages. */
  grow(pages: number): number;
}

/** What is used of the engine's global of this name, which the types of Node.js leave to those of browsers. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => KernelMemory;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly own: { readonly memory: KernelMemory } },
  ) => { readonly exports: unknown };
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
};

let compiled: object | undefined;

/** A memory of so many pages and the kernel over it; compiled once in each thread. */
export function vectorKernel(pages: number): {
  readonly memory: KernelMemory;
  readonly kernel: VectorKernel;
} {
  compiled ??= compile();
  const memory = new WebAssembly.Memory({ initial: pages });
  const { exports } = new WebAssembly.Instance(compiled, { own: { memory } });
  return { memory, kernel: exports as VectorKernel };
}

/** With the fused product and sum where this machine's engine has it, else in two steps; hits are verified either way. */
function compile(): object {
  const fused = moduleBytes([0xfd, 0x85, 0x02]);
  return new WebAssembly.Module(
    WebAssembly.validate(fused) ? fused : moduleBytes([0xfd, 0xe6, 0x01], [0xfd, 0xe4, 0x01]),
  );
}

const i32 = 0x7f;
const f32 = 0x7d;
const v128 = 0x7b;
const noResult = 0x40;
const end = 0x0b;

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const constant = (value: number) => [0x41, value];
const add = [0x6a];
const loop = (...body: readonly number[][]) => [0x03, noResult, ...body.flat(), end];
const when = (...body: readonly number[][]) => [0x04, noResult, ...body.flat(), end];
const again = [0x0d, 0x00];
const below = [0x49];
/** Aligned to 16 bytes. */
const load = [0xfd, 0x00, 4, 0];
const zeros = [0xfd, 0x0c, ...new Array<number>(16).fill(0)];
const lane = (at: number) => [0xfd, 0x1f, at];
const addFloats = [0x92];
const atLeast = [0x60];
const store = [0x36, 2, 0];

// Parameters, then variables.
const [vector, stop, query0, stride, threshold, out, label] = [0, 1, 2, 3, 4, 5, 6];
const [query1, query2, query3, at, hits] = [7, 8, 9, 10, 11];
const [one, other, question, sums] = [12, 13, 14, 15];
const queries = [query0, query1, query2, query3];

/** `multiply` takes two factors, with the sum as third operand when it is fused; `addUp` follows where it is not. */
function moduleBytes(multiply: readonly number[], addUp?: readonly number[]): Uint8Array<ArrayBuffer> {
  const accumulate = (sum: number, factor: number) =>
    addUp === undefined
      ? [...get(factor), ...get(question), ...get(sum), ...multiply, ...set(sum)]
      : [...get(factor), ...get(question), ...multiply, ...get(sum), ...addUp, ...set(sum)];
  const step = queries.flatMap((query, number) => [
    ...[...get(query), ...get(at), ...add, ...load, ...set(question)],
    ...accumulate(sums + number, one),
    ...accumulate(sums + KERNEL_QUERIES + number, other),
  ]);
  const products = [
    ...[...constant(0), ...set(at)],
    ...Array.from({ length: 8 }, (_, sum) => [...zeros, ...set(sums + sum)]).flat(),
    ...loop(
      [...get(vector), ...get(at), ...add, ...load, ...set(one)],
      [...get(vector), ...get(stride), ...add, ...get(at), ...add, ...load, ...set(other)],
      step,
      [...get(at), ...constant(16), ...add, ...tee(at), ...get(stride), ...below, ...again],
    ),
  ];
  const report = Array.from({ length: 8 }, (_, sum) => [
    ...[...get(sums + sum), ...lane(0), ...get(sums + sum), ...lane(1), ...addFloats],
    ...[...get(sums + sum), ...lane(2), ...get(sums + sum), ...lane(3), ...addFloats],
    ...[...addFloats, ...get(threshold), ...atLeast],
    ...when(
      [...get(out), ...get(label), ...constant(sum), ...add, ...store],
      [...get(out), ...constant(4), ...add, ...set(out)],
      [...get(hits), ...constant(1), ...add, ...set(hits)],
    ),
  ]).flat();
  const body = [
    ...[...get(query0), ...get(stride), ...add, ...tee(query1)],
    ...[...get(stride), ...add, ...tee(query2), ...get(stride), ...add, ...set(query3)],
    // The number of the first vector becomes the label of its first hit.
    ...[...get(label), ...constant(KERNEL_QUERIES), 0x6c, ...set(label)],
    ...loop(
      products,
      report,
      [...get(label), ...constant(8), ...add, ...set(label)],
      [...get(vector), ...get(stride), ...add, ...get(stride), ...add, ...tee(vector)],
      [...get(stop), ...below, ...again],
    ),
    ...get(hits),
    end,
  ];
  const locals = [2, 5, i32, 11, v128];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 7, i32, i32, i32, i32, f32, i32, i32, 1, i32]),
    ...section(2, [1, ...text('own'), ...text('memory'), 0x02, 0x00, ...unsigned(0)]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('scan'), 0x00, 0]),
    ...section(10, [1, ...sized([...locals, ...body])]),
  ]);
}

function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...sized(content)];
}

function sized(content: readonly number[]): readonly number[] {
  return [...unsigned(content.length), ...content];
}

function text(name: string): readonly number[] {
  return sized([...Buffer.from(name)]);
}

/** LEB128: seven bits a byte, the lowest first. */
function unsigned(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}
