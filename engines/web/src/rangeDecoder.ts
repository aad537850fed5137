/** The decisions of codec 2: section 14.1 of docs/format.md. */
import { require } from "./errors.js";

/** A probability in 1/65536 with, in the lowest six bits, its age. */
export type Probabilities = Int32Array;

const NEW = 32768 << 6;
const LOWEST_RANGE = 1 << 24;
const RANGE = 0;
const CODE = 1;

export function newProbabilities(count: number): Probabilities {
  return new Int32Array(count).fill(NEW);
}

/** Bytes to decisions. After the last byte it reads zeros: `check` and `finish` see to that. */
export class RangeDecoder {
  /** Range and code: numbers of 32 bits without a sign stay such in an array of them. */
  private readonly state = new Uint32Array(2);
  private next = 4;

  constructor(private readonly bytes: Uint8Array) {
    const first = [0, 1, 2, 3].map((i) => bytes[i] ?? 0);
    this.state[RANGE] = 0xffffffff;
    this.state[CODE] = (first[0] << 24) | (first[1] << 16) | (first[2] << 8) | first[3];
  }

  /** The next decision, 0 or 1; its probability learns from it. */
  decide(probabilities: Probabilities, index: number): number {
    const state = this.state;
    const known = probabilities[index];
    const p = known >>> 6;
    const age = known & 63;
    const shift = 3 + (age >>> 3);
    const older = age < 32 ? age + 1 : 32;
    let range = state[RANGE];
    const code = state[CODE];
    const bound = Math.imul(range >>> 15, p >>> 1) >>> 0;
    let one = 0;
    if (code < bound) {
      range = bound;
      one = 1;
      probabilities[index] = ((p + ((65536 - p) >>> shift)) << 6) | older;
    } else {
      range = (range - bound) >>> 0;
      state[CODE] = code - bound;
      probabilities[index] = ((p - (p >>> shift)) << 6) | older;
    }
    state[RANGE] = range;
    if (range < LOWEST_RANGE) this.refill();
    return one;
  }

  /** The next `count` bits, the highest first. */
  raw(count: number): number {
    const state = this.state;
    let value = 0;
    for (let i = 0; i < count; i++) {
      state[RANGE] >>>= 1;
      const one = state[CODE] >= state[RANGE] ? 1 : 0;
      if (one) state[CODE] -= state[RANGE];
      value = value * 2 + one;
      this.refill();
    }
    return value;
  }

  /** A number below 2^count, bit by bit from the highest; `first` is where its tree begins. */
  tree(probabilities: Probabilities, first: number, count: number): number {
    let node = 1;
    for (let i = 0; i < count; i++) node = 2 * node + this.decide(probabilities, first + node);
    return node - (1 << count);
  }

  /** Throws unless the bytes lasted so far. */
  check(): void {
    const size = this.bytes.length;
    require(this.next <= size, "E1", size, "the last byte", "more, for all decisions");
  }

  /** Throws unless every byte was read, and they end as an encoder ends. */
  finish(): void {
    this.check();
    const ended = this.next === this.bytes.length && this.state[CODE] === 0;
    require(ended, "E1", this.next, "bytes or a rest that nothing needs", "the end");
  }

  private refill(): void {
    const state = this.state;
    while (state[RANGE] < LOWEST_RANGE) {
      const byte = this.next < this.bytes.length ? this.bytes[this.next] : 0;
      state[RANGE] <<= 8;
      state[CODE] = (state[CODE] << 8) | byte;
      this.next++;
    }
  }
}
