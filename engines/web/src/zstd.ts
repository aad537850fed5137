/** One frame of zstd into memory that is bounded beforehand: RFC 8878, and no more of it. */
import { BackwardBits, Corrupt, type FseTable, makeFse, oneSymbol, readFse, sound } from "./fse.js";
import { type HuffmanTable, readHuffman, readSymbols } from "./huffman.js";

const MAGIC = 0xfd2fb528;
const BLOCK_MOST = 1 << 17;
/** Offsets from here on are beyond what any chunk of a `.ntc` unpacks to. */
const OFFSET_BITS = 30;

const LITERAL_BITS = [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const MATCH_BITS = [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/** One of the three kinds of codes of a sequence. */
interface Kind {
  log: number;
  last: number;
  usual: FseTable;
}

const repeat = (count: number, value: number): number[] => new Array<number>(count).fill(value);

const KINDS: readonly Kind[] = /* @__PURE__ */ makeKinds();

/** Literal lengths, offsets, match lengths, in the order of their tables in a block. */
function makeKinds(): Kind[] {
  const literals = [4, 3, ...repeat(11, 2), 1, 1, 1, ...repeat(9, 2), 3, 2, ...repeat(5, 1)];
  const offsets = [...repeat(6, 1), 2, 2, 2, ...repeat(15, 1), ...repeat(5, -1)];
  const matches = [1, 4, 3, ...repeat(6, 2), ...repeat(37, 1), ...repeat(7, -1)];
  return [
    { log: 9, last: 35, usual: makeFse([...literals, ...repeat(4, -1)], 6) },
    { log: 8, last: 31, usual: makeFse(offsets, 5) },
    { log: 9, last: 52, usual: makeFse(matches, 6) },
  ];
}

/** The least length of each code, and the bits that are added to it. */
function lengths(
  first: number,
  plain: number,
  extra: number[],
): { base: number[]; bits: number[] } {
  const bits = [...repeat(plain, 0), ...extra];
  const base: number[] = [];
  for (const count of bits) {
    base.push(first);
    first += 1 << count;
  }
  return { base, bits };
}

const LITERALS = /* @__PURE__ */ lengths(0, 16, LITERAL_BITS);
const MATCHES = /* @__PURE__ */ lengths(3, 32, MATCH_BITS);

/** The content of the one frame that `stored` is, which declares `size` bytes; or what is wrong. */
export function unzstd(stored: Uint8Array, size: number): Uint8Array | string {
  try {
    return new Frame(stored).read(size);
  } catch (error) {
    if (error instanceof Corrupt) return error.message;
    throw error;
  }
}

class Frame {
  private at = 0;
  private out = new Uint8Array(0);
  private done = 0;
  private readonly recent = [1, 4, 8];
  private readonly tables: (FseTable | undefined)[] = [undefined, undefined, undefined];
  private huffman: HuffmanTable | undefined;

  constructor(private readonly bytes: Uint8Array) {}

  read(size: number): Uint8Array {
    const hashed = this.readHead(size);
    this.out = new Uint8Array(size);
    for (let last = false; !last;) {
      const head = this.number(3);
      last = (head & 1) === 1;
      this.readBlock((head >> 1) & 3, head >> 3);
    }
    // The hash of the content is not computed: a chunk has a checksum of its own.
    this.at += hashed ? 4 : 0;
    sound(this.at === this.bytes.length, "another end than the frame has");
    sound(this.done === size, "less content than declared");
    return this.out;
  }

  /** Whether a hash follows the last block. */
  private readHead(size: number): boolean {
    sound(this.number(4) === MAGIC, "no frame");
    const flags = this.number(1);
    sound((flags & 8) === 0, "a reserved bit");
    const single = (flags >> 5) & 1;
    this.number(1 - single); // how far back it may refer: all of it is kept
    sound(this.number([0, 1, 2, 4][flags & 3]) === 0, "a dictionary");
    const width = [single, 2, 4, 8][flags >> 6];
    sound(width > 0, "no declared size");
    const declared = this.number(width) + (width === 2 ? 256 : 0);
    sound(declared === size, `a frame of ${declared} bytes`);
    return (flags & 4) !== 0;
  }

  private number(width: number): number {
    sound(this.at + width <= this.bytes.length, "an early end");
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.bytes[this.at + i];
    this.at += width;
    return value;
  }

  private readBlock(kind: number, size: number): void {
    sound(kind < 3 && size <= BLOCK_MOST, "a block of no known kind");
    const from = this.at;
    this.at += kind === 1 ? 1 : size;
    sound(this.at <= this.bytes.length, "a block that is cut off");
    if (kind === 2) return this.readPacked(from, this.at);
    sound(this.done + size <= this.out.length, "more content than declared");
    if (kind === 0) this.out.set(this.bytes.subarray(from, this.at), this.done);
    else this.out.fill(this.bytes[from], this.done, this.done + size);
    this.done += size;
  }

  private readPacked(from: number, to: number): void {
    const { literals, end } = this.readLiterals(from, to);
    const before = this.done;
    this.readSequences(end, to, literals);
    sound(this.done - before <= BLOCK_MOST, "a block that is too long");
  }

  private readLiterals(from: number, to: number): { literals: Uint8Array; end: number } {
    sound(from < to, "an empty block");
    const first = this.bytes[from];
    const form = (first >> 2) & 3;
    this.at = from;
    if ((first & 3) < 2) {
      const width = [1, 2, 1, 3][form];
      const size = Math.floor(this.number(width) / (width === 1 ? 8 : 16));
      const stored = first & 1 ? 1 : size;
      const start = this.at;
      this.at = to;
      sound(size <= BLOCK_MOST && start + stored <= to, "literals that are cut off");
      const literals = this.bytes.slice(start, start + stored);
      const repeated = first & 1 ? new Uint8Array(size).fill(literals[0]) : literals;
      return { literals: repeated, end: start + stored };
    }
    const bits = [10, 10, 14, 18][form];
    const sizes = Math.floor(this.number([3, 3, 4, 5][form]) / 16);
    const start = this.at;
    this.at = to;
    const [size, stored] = [sizes % (1 << bits), Math.floor(sizes / (1 << bits))];
    sound(size <= BLOCK_MOST && start + stored <= to, "literals that are cut off");
    const literals = new Uint8Array(size);
    this.readCoded(start, start + stored, literals, (first & 3) === 2, form > 0);
    return { literals, end: start + stored };
  }

  private readCoded(
    from: number,
    to: number,
    literals: Uint8Array,
    own: boolean,
    four: boolean,
  ): void {
    if (own) {
      const { table, end } = readHuffman(this.bytes, from, to);
      this.huffman = table;
      from = end;
    }
    const table = this.huffman;
    sound(table !== undefined, "no Huffman table to repeat");
    if (!four) return readSymbols(table, this.bytes, from, to, literals);
    sound(from + 6 <= to, "literals that are cut off");
    const part = (literals.length + 3) >> 2;
    sound(3 * part <= literals.length, "too few literals for four streams");
    let at = from + 6;
    for (let i = 0; i < 4; i++) {
      const size = this.bytes[from + 2 * i] | (this.bytes[from + 2 * i + 1] << 8);
      const end = i < 3 ? at + size : to;
      sound(end <= to, "literals that are cut off");
      const own = literals.subarray(i * part, i < 3 ? (i + 1) * part : literals.length);
      readSymbols(table, this.bytes, at, end, own);
      at = end;
    }
  }

  private readSequences(from: number, to: number, literals: Uint8Array): void {
    this.at = from;
    const first = this.number(1);
    let count = first;
    if (first === 255) count = this.number(2) + 0x7f00;
    else if (first > 127) count = (first - 128) * 256 + this.number(1);
    if (count > 0) {
      this.runSequences(count, to, literals);
    } else {
      sound(this.at === to, "bytes that nothing needs");
      this.copyLiterals(literals, 0, literals.length);
    }
    this.at = to;
  }

  private runSequences(count: number, to: number, literals: Uint8Array): void {
    const modes = this.number(1);
    sound((modes & 3) === 0, "a reserved bit");
    const [byLiterals, byOffset, byMatch] = KINDS.map((kind, i) =>
      this.readTable(kind, i, (modes >> (6 - 2 * i)) & 3, to),
    );
    sound(this.at <= to, "sequences that are cut off");
    const bits = new BackwardBits(this.bytes, this.at, to);
    let literal = bits.take(byLiterals.log);
    let offset = bits.take(byOffset.log);
    let match = bits.take(byMatch.log);
    let used = 0;
    for (let i = 0; i < count; i++) {
      const wide = byOffset.symbols[offset];
      sound(wide < OFFSET_BITS, "a match from before the content");
      const high = wide > 16 ? bits.take(wide - 16) * 65536 : 0;
      const value = (1 << wide) + high + bits.take(Math.min(wide, 16));
      const longer = byMatch.symbols[match];
      const length = MATCHES.base[longer] + bits.take(MATCHES.bits[longer]);
      const more = byLiterals.symbols[literal];
      const plain = LITERALS.base[more] + bits.take(LITERALS.bits[more]);
      this.copyLiterals(literals, used, used + plain);
      used += plain;
      this.copyMatch(this.distance(value, plain === 0), length);
      if (i + 1 < count) {
        literal = byLiterals.base[literal] + bits.take(byLiterals.bits[literal]);
        match = byMatch.base[match] + bits.take(byMatch.bits[match]);
        offset = byOffset.base[offset] + bits.take(byOffset.bits[offset]);
      }
    }
    sound(bits.left === 0, "sequences that do not end with their bits");
    this.copyLiterals(literals, used, literals.length);
  }

  private readTable(kind: Kind, index: number, mode: number, to: number): FseTable {
    let table = this.tables[index];
    if (mode === 0) table = kind.usual;
    else if (mode === 1) {
      const symbol = this.number(1);
      sound(symbol <= kind.last, "a symbol that does not exist");
      table = oneSymbol(symbol);
    } else if (mode === 2) {
      const read = readFse(this.bytes, this.at, to, kind.log, kind.last);
      table = read.table;
      this.at = read.end;
    }
    sound(table !== undefined, "no table to repeat");
    this.tables[index] = table;
    return table;
  }

  /** How far back a match lies: values up to 3 are those of the last matches. */
  private distance(value: number, noLiterals: boolean): number {
    const recent = this.recent;
    const at = value + (noLiterals ? 0 : -1);
    let found = value - 3;
    if (value <= 3) found = at === 3 ? recent[0] - 1 : recent[at];
    for (let i = value > 3 ? 2 : Math.min(at, 2); i > 0; i--) recent[i] = recent[i - 1];
    recent[0] = found;
    return found;
  }

  private copyLiterals(literals: Uint8Array, from: number, to: number): void {
    sound(to <= literals.length, "more literals than there are");
    sound(this.done + to - from <= this.out.length, "more content than declared");
    const { out, done } = this;
    for (let i = from; i < to; i++) out[done + i - from] = literals[i];
    this.done += to - from;
  }

  private copyMatch(distance: number, length: number): void {
    sound(distance > 0 && distance <= this.done, "a match from before the content");
    sound(this.done + length <= this.out.length, "more content than declared");
    const out = this.out;
    const end = this.done + length;
    for (let i = this.done; i < end; i++) out[i] = out[i - distance];
    this.done = end;
  }
}
