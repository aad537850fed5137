/** Literals of zstd: Huffman codes of at most 11 bits. RFC 8878, section 4.2. */
import { BackwardBits, highestBit, readFse, sound } from "./fse.js";

const MOST_BITS = 11;

/** What each `bits` bits, the first highest, begin with: a symbol, and how many are its own. */
export interface HuffmanTable {
  bits: number;
  symbols: Uint8Array;
  lengths: Uint8Array;
}

/** The table at `from`, and the first byte after it. */
export function readHuffman(
  bytes: Uint8Array,
  from: number,
  to: number,
): { table: HuffmanTable; end: number } {
  sound(from < to, "a Huffman table that is cut off");
  const head = bytes[from++];
  const packed = head >= 128;
  const end = from + (packed ? (head - 126) >> 1 : head);
  sound(end <= to, "a Huffman table that is cut off");
  const weights = packed
    ? Array.from({ length: head - 127 }, (_, i) => (bytes[from + (i >> 1)] >> (i & 1 ? 0 : 4)) & 15)
    : readWeights(bytes, from, end);
  return { table: makeHuffman(weights), end };
}

/** Two states take turns until the bits are used up. */
function readWeights(bytes: Uint8Array, from: number, to: number): number[] {
  const { table, end } = readFse(bytes, from, to, 6, 255);
  const stream = new BackwardBits(bytes, end, to);
  const states = [stream.take(table.log), stream.take(table.log)];
  sound(stream.left >= 0, "Huffman weights that are cut off");
  const weights: number[] = [];
  for (let turn = 0; ; turn ^= 1) {
    const state = states[turn];
    weights.push(table.symbols[state]);
    sound(weights.length < 255, "too many Huffman weights");
    states[turn] = table.base[state] + stream.take(table.bits[state]);
    if (stream.left < 0) {
      weights.push(table.symbols[states[turn ^ 1]]);
      return weights;
    }
  }
}

function makeHuffman(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    sound(weight <= MOST_BITS, "a Huffman code that is too long");
    sum += weight ? 1 << (weight - 1) : 0;
  }
  sound(sum > 0, "a Huffman table without codes");
  const bits = highestBit(sum) + 1;
  const rest = (1 << bits) - sum;
  sound(bits <= MOST_BITS && (rest & (rest - 1)) === 0, "Huffman codes that do not add up");
  weights.push(highestBit(rest) + 1);
  const longest = weights.filter((weight) => weight === 1).length;
  sound(longest >= 2 && longest % 2 === 0, "Huffman codes that do not pair");
  const symbols = new Uint8Array(1 << bits);
  const lengths = new Uint8Array(1 << bits);
  let at = 0;
  for (let weight = 1; weight <= bits; weight++) {
    weights.forEach((own, symbol) => {
      if (own !== weight) return;
      const next = at + (1 << (weight - 1));
      symbols.fill(symbol, at, next);
      lengths.fill(bits + 1 - weight, at, next);
      at = next;
    });
  }
  return { bits, symbols, lengths };
}

/** One stream, which has to end with the last symbol of `out`. */
export function readSymbols(
  table: HuffmanTable,
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
): void {
  const stream = new BackwardBits(bytes, from, to);
  for (let i = 0; i < out.length; i++) {
    const code = stream.peek(table.bits);
    out[i] = table.symbols[code];
    stream.left -= table.lengths[code];
  }
  sound(stream.left === 0, "literals that do not end with their bits");
}
