// Numbers the contents of one shard: each sha256 gets the next number, and is kept as its 32 bytes instead of a
// string, so that a million contents take some 40 MB. The indexes of a shard speak of contents by these numbers.

const digestBytes = 32;
const digestWords = digestBytes / 4;
const hexDigits = 2 * digestBytes;

/** A content keeps its number as long as it is here; that of one which was removed is given to another. */
export class ContentTable {
  #digests = new Uint8Array(digestBytes * 64);
  #words = new Uint32Array(this.#digests.buffer);
  /** Number plus 1 by place, 0 for a free one; linear probing. */
  #slots = new Uint32Array(96);
  /** Numbers given, those of removed contents included. */
  #size = 0;
  /** Numbers of removed contents: their digests are zeros. */
  readonly #free: number[] = [];
  readonly #asked = new Uint32Array(digestWords);
  readonly #askedBytes = Buffer.from(this.#asked.buffer);

  /** Contents numbered. */
  get size(): number {
    return this.#size - this.#free.length;
  }

  /** The numbers of all contents, ascending. */
  numbers(): readonly number[] {
    const free = new Set(this.#free);
    return Array.from({ length: this.#size }, (_, number) => number).filter((number) => !free.has(number));
  }

  /** Bytes that the table holds, capacity included. */
  get bytes(): number {
    return this.#digests.byteLength + this.#slots.byteLength;
  }

  /**
   * The number of a content, a new one where it has none.
   * @throws RangeError when `content` is not 64 hex digits.
   */
  add(content: string): number {
    const place = this.#placeOf(content);
    const found = this.#slots[place] as number;
    if (found !== 0) return found - 1;
    return this.#give(this.#free.pop() ?? this.#size, place);
  }

  /**
   * The number of a content, or undefined where it has none.
   * @throws RangeError when `content` is not 64 hex digits.
   */
  find(content: string): number | undefined {
    const found = this.#slots[this.#placeOf(content)] as number;
    return found === 0 ? undefined : found - 1;
  }

  /**
   * Forgets a content: its digest is overwritten, its number free for another.
   * @returns the number that it had, or undefined where it had none
   * @throws RangeError when `content` is not 64 hex digits.
   */
  remove(content: string): number | undefined {
    const place = this.#placeOf(content);
    const number = (this.#slots[place] as number) - 1;
    if (number < 0) return undefined;
    this.#close(place);
    this.#words.fill(0, digestWords * number, digestWords * (number + 1));
    this.#free.push(number);
    return number;
  }

  /** The content with a number that `add` gave, as 64 hex digits. */
  at(number: number): string {
    if (number < 0 || number >= this.#size) {
      throw new RangeError(`expected the number of a content, 0 to ${this.#size - 1}, got ${number}`);
    }
    const { buffer } = this.#digests;
    return Buffer.from(buffer, digestBytes * number, digestBytes).toString('hex');
  }

  /** The digests in order, 32 bytes each, zeros for a number that is free; a copy. */
  toBytes(): Uint8Array {
    return this.#digests.slice(0, digestBytes * this.#size);
  }

  /** The table that `toBytes` was taken of. */
  static fromBytes(bytes: Uint8Array): ContentTable {
    const table = new ContentTable();
    for (let at = 0; at < bytes.length; at += digestBytes) {
      const digest = Buffer.from(bytes.buffer, bytes.byteOffset + at, digestBytes);
      if (digest.every((byte) => byte === 0)) table.#leaveFree();
      else table.#give(table.#size, table.#placeOf(digest.toString('hex')));
    }
    return table;
  }

  /** Gives the next number to nobody. */
  #leaveFree(): void {
    this.#free.push(this.#size);
    this.#size += 1;
    if (digestBytes * this.#size > this.#digests.length) this.#growDigests();
  }

  /** Gives a number to the content that was looked up last, whose place is free. */
  #give(number: number, place: number): number {
    if (number === this.#size) this.#size += 1;
    if (digestBytes * this.#size > this.#digests.length) this.#growDigests();
    this.#words.set(this.#asked, digestWords * number);
    this.#slots[place] = number + 1;
    if (this.#size * 4 > this.#slots.length * 3) this.#growSlots();
    return number;
  }

  /** Empties a place, and moves up those behind it that stand further from home than they need to. */
  #close(emptied: number): void {
    const slots = this.#slots;
    const { length } = slots;
    let hole = emptied;
    for (let place = (hole + 1) % length; slots[place] !== 0; place = (place + 1) % length) {
      const home = this.#homeOf(this.#words[digestWords * ((slots[place] as number) - 1)] as number);
      const fromHome = (place - home + length) % length;
      const fromHole = (place - hole + length) % length;
      if (fromHome < fromHole) continue;
      slots[hole] = slots[place] as number;
      hole = place;
    }
    slots[hole] = 0;
  }

  /** Where the content stands, or the free place for it; leaves its words in `#asked`. */
  #placeOf(content: string): number {
    if (content.length !== hexDigits || this.#askedBytes.write(content, 'hex') !== digestBytes) {
      throw new RangeError(`expected a content as ${hexDigits} hex digits, got ${JSON.stringify(content)}`);
    }
    let place = this.#homeOf(this.#asked[0] as number);
    for (;;) {
      const found = this.#slots[place] as number;
      if (found === 0 || this.#isAsked(found - 1)) return place;
      place = place + 1 === this.#slots.length ? 0 : place + 1;
    }
  }

  #isAsked(number: number): boolean {
    for (let word = 0; word < digestWords; word += 1) {
      if (this.#words[digestWords * number + word] !== this.#asked[word]) return false;
    }
    return true;
  }

  /** A digest is uniform already: its first word names the place. */
  #homeOf(word: number): number {
    return Math.floor((word * this.#slots.length) / 2 ** 32);
  }

  #growDigests(): void {
    const grown = new Uint8Array(digestBytes * Math.ceil(this.#size * 1.5));
    grown.set(this.#digests);
    this.#digests = grown;
    this.#words = new Uint32Array(grown.buffer);
  }

  #growSlots(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    this.#slots = slots;
    for (const number of this.numbers()) {
      let place = this.#homeOf(this.#words[digestWords * number] as number);
      while (slots[place] !== 0) place = place + 1 === slots.length ? 0 : place + 1;
      slots[place] = number + 1;
    }
  }
}
