/** Finite state entropy: the tables of zstd and the bits they read. RFC 8878, section 4.1. */

/** A table of states, 2^log of them: the symbol of each, and how the next one is found. */
export interface FseTable {
  log: number;
  symbols: Uint8Array;
  bits: Uint8Array;
  base: Uint16Array;
}

/** Thrown within this decoder; `unzstd` alone lets it out. */
export class Corrupt extends Error {}

export function sound(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Corrupt(what);
}

/** The position of the highest bit that is set, of 1 or more. */
export function highestBit(n: number): number {
  return 31 - Math.clz32(n);
}

/** Reads bits from the end of `bytes[from, to)`, whose last byte ends with a 1 as a mark. */
export class BackwardBits {
  /** Bits that are left; below 0 if more were taken than there are. */
  left: number;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly from: number,
    to: number,
  ) {
    sound(to > from && bytes[to - 1] !== 0, "a bit stream without an end");
    this.left = 8 * (to - from - 1) + highestBit(bytes[to - 1]);
  }

  /** The next `count` bits, at most 24; those before the first are zeros. */
  peek(count: number): number {
    const at = this.left - count;
    if (at < 0) return this.left > 0 ? this.at(0, this.left) << -at : 0;
    return this.at(at, count);
  }

  take(count: number): number {
    const value = this.peek(count);
    this.left -= count;
    return value;
  }

  private at(bit: number, count: number): number {
    const i = this.from + (bit >> 3);
    const b = this.bytes;
    // Bytes after the last one are not asked for: their bits are masked away.
    const four = b[i] | (b[i + 1] << 8) | (b[i + 2] << 16) | (b[i + 3] << 24);
    return (four >>> (bit & 7)) & ((1 << count) - 1);
  }
}

/** The table at `from`, and the first byte after it. */
export function readFse(
  bytes: Uint8Array,
  from: number,
  to: number,
  mostLog: number,
  lastSymbol: number,
): { table: FseTable; end: number } {
  let bit = 8 * from;
  const peek = (count: number): number => {
    const i = bit >> 3;
    return (
      ((bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16)) >> (bit & 7)) & ((1 << count) - 1)
    );
  };
  sound(from < to, "a table that is cut off");
  const log = 5 + peek(4);
  bit += 4;
  sound(log <= mostLog, "a table that is too large");
  const counts: number[] = [];
  let left = 1 << log;
  while (left > 0 && counts.length <= lastSymbol) {
    const width = highestBit(left + 1) + 1;
    const half = (1 << (width - 1)) - 1;
    const short = (1 << width) - 2 - left;
    let value = peek(width);
    if ((value & half) < short) {
      bit += width - 1;
      value &= half;
    } else {
      bit += width;
      if (value > half) value -= short;
    }
    counts.push(value - 1);
    left -= Math.abs(value - 1);
    for (let more = value === 1 ? 3 : 0; more === 3; bit += 2) {
      more = peek(2);
      for (let i = 0; i < more; i++) counts.push(0);
      sound(counts.length <= lastSymbol + 1, "a symbol that does not exist");
    }
  }
  const end = (bit + 7) >> 3;
  sound(left === 0 && end <= to, "a table that is not whole");
  return { table: makeFse(counts, log), end };
}

/** The table for these counts of states; -1 is one state, of those that read most bits. */
export function makeFse(counts: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const next = counts.map((count) => Math.abs(count));
  let high = size;
  counts.forEach((count, symbol) => {
    if (count === -1) symbols[--high] = symbol;
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  counts.forEach((count, symbol) => {
    for (let i = 0; i < count; i++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  });
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const number = next[symbols[state]]++;
    bits[state] = log - highestBit(number);
    base[state] = (number << bits[state]) - size;
  }
  return { log, symbols, bits, base };
}

/** A table of one state: always this symbol, from no bits. */
export function oneSymbol(symbol: number): FseTable {
  const [symbols, bits, base] = [Uint8Array.of(symbol), new Uint8Array(1), new Uint16Array(1)];
  return { log: 0, symbols, bits, base };
}
