// The order in which a Hamming index keeps the 64 bits of a hash, so that each of its bands is every fifth bit. In the hashes
// of pictures neighbouring bits tell much the same: bands of neighbours would put most hashes into few buckets. No distance
// depends on the order of bits.

/** Bands that the order makes: of the words' bits from 6 up, 13 each, two in either word; the last one is the rest. */
export const BAND_COUNT = 5;
export const WIDE_BITS = 13;
/** Bits of the last band in either word, the lowest ones. */
export const REST_BITS = 6;

/** Digits of four bits in a hash. */
const digits = 16;

/** A permutation of the bits of two words, looked up by digit. */
class BitOrder {
  readonly #first = new Uint32Array(16 * digits);
  readonly #second = new Uint32Array(16 * digits);

  /** @param places Where each bit goes, 0 to 63; bit 0 is the lowest one of the first word. */
  constructor(places: readonly number[]) {
    for (let at = 0; at < 16 * digits; at += 1) {
      for (let bit = 0; bit < 4; bit += 1) {
        if (((at >>> bit) & 1) === 0) continue;
        const place = places[4 * (at >>> 4) + bit] as number;
        const word = place < 32 ? this.#first : this.#second;
        word[at] = ((word[at] as number) | (1 << (place % 32))) >>> 0;
      }
    }
  }

  /** Puts the bits of the two words at `at` in order. */
  apply(words: Uint32Array, at: number): void {
    let [first, second] = [0, 0];
    for (let digit = 0; digit < digits; digit += 1) {
      const word = words[digit < 8 ? at : at + 1] as number;
      const entry = 16 * digit + ((word >>> (4 * (digit % 8))) & 15);
      first |= this.#first[entry] as number;
      second |= this.#second[entry] as number;
    }
    words[at] = first;
    words[at + 1] = second;
  }
}

let orders: { readonly spread: BitOrder; readonly gathered: BitOrder } | undefined;

/** The order with the bands apart, and the one that leads back; made once in each thread. */
export function bitOrders(): NonNullable<typeof orders> {
  orders ??= makeOrders();
  return orders;
}

function makeOrders(): NonNullable<typeof orders> {
  const places = Array.from({ length: 64 }, (_, bit) =>
    placeOf(bit % BAND_COUNT, Math.floor(bit / BAND_COUNT)),
  );
  const back = new Array<number>(64);
  for (const [bit, place] of places.entries()) back[place] = bit;
  return { spread: new BitOrder(places), gathered: new BitOrder(back) };
}

/** Where the nth bit of a band is. */
function placeOf(band: number, nth: number): number {
  if (band === BAND_COUNT - 1) return nth < REST_BITS ? nth : 32 + nth - REST_BITS;
  return 32 * (band >> 1) + (band % 2 === 0 ? REST_BITS + WIDE_BITS : REST_BITS) + nth;
}
