// Finds the contents that share a key: a MinHash band of a text, a blocking key of a record. A key that too many share
// (boilerplate, a common postcode) is hot: it finds nobody any more, and for ever, so that its cost stays bounded.

/** The contents under a key, by number; `hot` when there were more than the limit, and then they are not told. */
export type Bucket = readonly number[] | 'hot';

/** The tables of an index. */
export interface KeyedSnapshot {
  readonly limit: number;
  readonly keys: number;
  readonly slots: Uint32Array;
  readonly pool: Uint32Array;
}

/** Sizes up to which a bucket is told. */
export const MAX_BUCKET_LIMIT = 0xffff;

const slotWords = 3;
/** In a slot's third word: the entry is the first member of a list, not a content's number. */
const listed = 0x8000_0000;
/** Stands in a hot bucket for a content that was removed: a hot key stays hot. */
const nobody = listed - 2;
/** A list is blocks of the pool: position of the next one, then numbers plus 1, 0 for free places. */
const blockWords = 4;

/**
 * A key is 64 bits as 16 hex digits; that of an HMAC is uniform, which the table relies on. Two keys
 * that happen to be equal only propose a candidate more.
 */
export class KeyedIndex {
  readonly #limit: number;
  /** Key (high, low) and what is under it by place; linear probing, 0 in the third word is free. */
  #slots = new Uint32Array(slotWords * 96);
  #keys = 0;
  /** Position 0 is never a block. */
  #pool = new Uint32Array(blockWords * 64);
  #poolEnd = blockWords;

  /**
   * @param limit Contents under one key above which it is hot.
   * @throws RangeError when the limit is not an integer from 1 to 65,535.
   */
  constructor(limit: number) {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_BUCKET_LIMIT) {
      throw new RangeError(`the limit of a bucket is an integer from 1 to ${MAX_BUCKET_LIMIT}, got ${limit}`);
    }
    this.#limit = limit;
  }

  /** Distinct keys. */
  get size(): number {
    return this.#keys;
  }

  /** Bytes that the index holds, capacity included. */
  get bytes(): number {
    return this.#slots.byteLength + this.#pool.byteLength;
  }

  /**
   * Puts a content under a key; again changes nothing.
   * @throws RangeError when the key is not 16 hex digits or the number not one of 31 bits.
   */
  insert(key: string, content: number): void {
    if (!Number.isInteger(content) || content < 0 || content >= nobody) {
      throw new RangeError(`expected a content's number below 2^31 - 2, got ${content}`);
    }
    const [high, low] = wordsOf(key);
    const place = this.#placeOf(high, low);
    const under = this.#slots[place + 2] as number;
    if (under === 0) {
      this.#slots.set([high, low, content + 1], place);
      this.#keys += 1;
      if (this.#keys * slotWords * 4 > this.#slots.length * 3) this.#grow();
    } else {
      const members = this.#membersOf(under);
      if (members.length > this.#limit || members.includes(content)) return;
      this.#slots[place + 2] = this.#added(under, content);
    }
  }

  /** The contents under a key, in no particular order. */
  bucket(key: string): Bucket {
    const [high, low] = wordsOf(key);
    const under = this.#slots[this.#placeOf(high, low) + 2] as number;
    const members = under === 0 ? [] : this.#membersOf(under);
    return members.length > this.#limit ? 'hot' : members;
  }

  /** Takes a content from under all its keys, for which all keys are scanned; one that nobody has any more is forgotten. */
  remove(content: number): void {
    const emptied: number[] = [];
    for (let place = 0; place < this.#slots.length; place += slotWords) {
      const under = this.#slots[place + 2] as number;
      if (under === content + 1 || (under >= listed && this.#removeMember(under, content)))
        emptied.push(place);
    }
    const keys = emptied.map((place) => [this.#slots[place], this.#slots[place + 1]] as [number, number]);
    for (const [high, low] of keys) this.#close(this.#placeOf(high, low));
    this.#keys -= keys.length;
  }

  /** The tables as they are, a copy. */
  snapshot(): KeyedSnapshot {
    return {
      limit: this.#limit,
      keys: this.#keys,
      slots: this.#slots.slice(),
      pool: this.#pool.slice(0, this.#poolEnd),
    };
  }

  /** The index that a snapshot was taken of, with the limit it had. */
  static restore({ limit, keys, slots, pool }: KeyedSnapshot): KeyedIndex {
    const index = new KeyedIndex(limit);
    index.#keys = keys;
    index.#slots = slots.slice();
    index.#pool = pool.slice();
    index.#poolEnd = pool.length;
    return index;
  }

  #membersOf(under: number): number[] {
    if (under < listed) return [under - 1];
    const members: number[] = [];
    for (let block = under - listed; block !== 0; block = this.#pool[block] as number) {
      for (let at = block + 1; at < block + blockWords; at += 1) {
        const member = this.#pool[at] as number;
        if (member !== 0) members.push(member - 1);
      }
    }
    return members;
  }

  /** Whether the list is empty once `content` is removed from it. */
  #removeMember(under: number, content: number): boolean {
    const members = this.#membersOf(under);
    if (!members.includes(content)) return false;
    const isHot = members.length > this.#limit;
    for (let block = under - listed; block !== 0; block = this.#pool[block] as number) {
      const at = this.#pool.subarray(block + 1, block + blockWords).indexOf(content + 1);
      if (at >= 0) this.#pool[block + 1 + at] = isHot ? nobody + 1 : 0;
    }
    return members.length === 1;
  }

  /** Empties a place, and moves up those behind it that stand further from home than they need to. */
  #close(emptied: number): void {
    const slots = this.#slots;
    const count = slots.length / slotWords;
    let hole = emptied / slotWords;
    for (let at = (hole + 1) % count; slots[slotWords * at + 2] !== 0; at = (at + 1) % count) {
      const home = Math.floor(((slots[slotWords * at] as number) * count) / 2 ** 32);
      if ((at - home + count) % count < (at - hole + count) % count) continue;
      slots.copyWithin(slotWords * hole, slotWords * at, slotWords * (at + 1));
      hole = at;
    }
    slots.fill(0, slotWords * hole, slotWords * (hole + 1));
  }

  /** What stands under the key once `content` is added. */
  #added(under: number, content: number): number {
    if (under < listed) {
      const block = this.#openBlock(0);
      this.#pool[block + 1] = under;
      this.#pool[block + 2] = content + 1;
      return listed + block;
    }
    const block = under - listed;
    for (let at = block + 1; at < block + blockWords; at += 1) {
      if (this.#pool[at] !== 0) continue;
      this.#pool[at] = content + 1;
      return under;
    }
    const first = this.#openBlock(block);
    this.#pool[first + 1] = content + 1;
    return listed + first;
  }

  #openBlock(next: number): number {
    if (this.#poolEnd === this.#pool.length) {
      const grown = new Uint32Array(blockWords * Math.ceil((this.#pool.length / blockWords) * 1.5));
      grown.set(this.#pool);
      this.#pool = grown;
    }
    const block = this.#poolEnd;
    this.#poolEnd += blockWords;
    this.#pool[block] = next;
    return block;
  }

  #placeOf(high: number, low: number): number {
    const slots = this.#slots;
    let place = slotWords * Math.floor((high * (slots.length / slotWords)) / 2 ** 32);
    while (slots[place + 2] !== 0 && (slots[place] !== high || slots[place + 1] !== low)) {
      place += slotWords;
      if (place === slots.length) place = 0;
    }
    return place;
  }

  #grow(): void {
    const former = this.#slots;
    this.#slots = new Uint32Array(slotWords * Math.ceil((former.length / slotWords) * 1.5));
    for (let place = 0; place < former.length; place += slotWords) {
      const [high, low, under] = [former[place], former[place + 1], former[place + 2]] as number[];
      if (under !== 0) {
        this.#slots.set(
          [high as number, low as number, under as number],
          this.#placeOf(high as number, low as number),
        );
      }
    }
  }
}

function wordsOf(key: string): readonly [high: number, low: number] {
  const words = [Number.parseInt(key.slice(0, 8), 16), Number.parseInt(key.slice(8), 16)] as const;
  if (!/^[0-9a-f]{16}$/.test(key)) {
    throw new RangeError(`expected a key as 16 lower-case hex digits, got ${JSON.stringify(key)}`);
  }
  return words;
}
