/** Codec 2: the section of a level from decisions, chapter 14 of docs/format.md. */
import { decodeDirectory, decodeMask, nearest, type Tiles } from "./directory.js";
import { NtcError, require } from "./errors.js";
import { levelFrame, maskWordsOf } from "./level.js";
import { blocksOf, type Level, type Outline } from "./model.js";
import { newProbabilities, type Probabilities, RangeDecoder } from "./rangeDecoder.js";

/** The class of an activity, in steps of a tile; all above 31 are of the last one. */
const CLASSES = /* @__PURE__ */ Uint8Array.from([
  0, 1, 2, 3, 4, 5, 6, 6, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 10,
  10, 10,
]);

/** Where the probabilities of a feature lie among its own. */
const DIFFERS = 0;
const BELOW = 33;
const LONGER = BELOW + 5 * 27;
const BITS = LONGER + 33 * 7;
const OF_FEATURE = BITS + 256;

/** The section of `size` bytes in stored ones. The rules E1 to E3. */
export function decodeSection(stored: Uint8Array, outline: Outline, size: number): Uint8Array {
  const coder = new RangeDecoder(stored);
  requireSize(4 * maskWordsOf(outline), size, false);
  const { mask, kept } = decodeMask(coder, outline, outline.masked ? blocksOf(outline) : 0);
  const frame = levelFrame(outline, kept);
  const first = frame.maskWords + 2 * frame.tiles;
  requireSize(4 * first, size, false);
  const { tiles, codeWords } = decodeDirectory(coder, frame);
  requireSize(4 * (first + codeWords), size, true);
  const words = new Uint32Array(first + codeWords);
  words.set(mask);
  for (let i = 0; i < frame.tiles; i++) {
    const at = frame.maskWords + 2 * i;
    words[at] = (tiles.widths[i] << 28) | tiles.starts[i];
    words[at + 1] = (tiles.offsets[i] << 16) | tiles.scales[i];
  }
  new CodeReader(coder, frame, tiles, words.subarray(first)).read();
  coder.finish();
  return new Uint8Array(words.buffer);
}

function requireSize(found: number, size: number, exact: boolean): void {
  const fits = exact ? found === size : found <= size;
  require(fits, "E2", 0, `a section of ${found} bytes`, `${size}, as in the table`);
}

/** Section 14.4: line by line of the stored grid, through all tiles that a line crosses. */
class CodeReader {
  private readonly probabilities: Probabilities;
  /**
   * Latents of the line above, from its first cell to the one before of this line; on either side
   * a cell of zeros.
   */
  private readonly latents: Int32Array;
  /** The line above, one cell back. */
  private readonly corner: Int32Array;

  constructor(
    private readonly coder: RangeDecoder,
    private readonly frame: Omit<Level, "words" | "ranks">,
    private readonly tiles: Tiles,
    private readonly codes: Uint32Array,
  ) {
    this.probabilities = newProbabilities(OF_FEATURE * frame.features);
    this.latents = new Int32Array((frame.storedWidth + 2) * frame.features);
    this.corner = new Int32Array(frame.features);
  }

  read(): void {
    const { tileLog2, tilesInRow, storedHeight } = this.frame;
    const side = 1 << tileLog2;
    for (let top = 0, first = 0; top < storedHeight; top += side, first += tilesInRow) {
      const coded = this.tiles.widths.subarray(first, first + tilesInRow).some((c) => c > 0);
      const lines = coded ? Math.min(side, storedHeight - top) : 1;
      for (let line = 0; line < lines; line++) this.readLine(first, line);
    }
  }

  private readLine(first: number, line: number): void {
    const { features, tileLog2, tilesInRow, storedWidth } = this.frame;
    const { latents, corner, tiles } = this;
    const side = 1 << tileLog2;
    corner.fill(0);
    for (let i = 0; i < tilesInRow; i++) {
      const tile = first + i;
      const cells = Math.min(side, storedWidth - i * side);
      const begin = (i * side + 1) * features;
      const end = begin + cells * features;
      if (tiles.widths[tile] > 0) {
        this.readCells(tile, line * cells * features, begin, end);
        continue;
      }
      corner.set(latents.subarray(end - features, end));
      if (line === 0) latents.fill(tiles.offsets[tile], begin, end);
    }
    this.coder.check();
  }

  /** The cells of a tile on a line: from code `code` of the tile, `[begin, end)` in `latents`. */
  private readCells(tile: number, code: number, begin: number, end: number): void {
    const { coder, probabilities, latents, corner, codes, tiles } = this;
    const features = this.frame.features;
    const width = tiles.widths[tile];
    const scale = tiles.scales[tile];
    const offset = tiles.offsets[tile];
    const inverse = tiles.inverses[tile];
    const zero = tiles.zeros[tile];
    const top = (1 << width) - 1;
    let bit = code * width;
    const start = tiles.starts[tile];
    for (let cell = begin; cell < end; cell += features) {
      let before = 0;
      for (let f = 0; f < features; f++, bit += width) {
        const at = cell + f;
        const left = latents[at - features];
        const upper = latents[at];
        const right = latents[at + features];
        const back = corner[f];
        const low = left < upper ? left : upper;
        const high = left < upper ? upper : left;
        let guess = left + upper - back;
        guess = guess > high ? high : guess < low ? low : guess;
        const predicted = nearest(guess - offset, scale, inverse, top);
        let lean = predicted - zero;
        lean = lean > 2 ? 2 : lean < -2 ? -2 : lean;
        let spread = Math.abs(left - back) + Math.abs(upper - back) + Math.abs(right - upper);
        spread = spread < 65535 ? spread : 65535;
        const activity = (Math.imul(spread, inverse) >>> 16) + before;
        const context = 3 * CLASSES[activity < 31 ? activity : 31] + Math.abs(lean);
        const own = f * OF_FEATURE;
        let found = predicted;
        before = 0;
        if (coder.decide(probabilities, own + DIFFERS + context)) {
          const slope = 9 * sign(left, back) + 3 * sign(upper, back) + sign(right, upper);
          const below = own + BELOW + 27 * (lean + 2) + slope;
          found = this.readOther(own, context, below, predicted, top);
          before = Math.abs(found - predicted);
        }
        corner[f] = upper;
        latents[at] = offset + scale * found;
        const word = start + (bit >>> 5);
        const inner = bit & 31;
        codes[word] |= found << inner;
        if (inner + width > 32) codes[word + 1] |= found >>> (32 - inner);
      }
    }
  }

  /** A code that is not the predicted one. */
  private readOther(
    own: number,
    context: number,
    below: number,
    predicted: number,
    top: number,
  ): number {
    const { coder, probabilities } = this;
    let lower = predicted === top;
    if (predicted > 0 && !lower) lower = coder.decide(probabilities, below) === 1;
    const most = lower ? predicted : top - predicted;
    const longer = own + LONGER + 7 * context;
    let n = 0;
    while (2 << n <= most && coder.decide(probabilities, longer + n)) n++;
    // The trees of all n lie in one of 256 places: that of n begins at place 2^n.
    let size = 1;
    for (let i = 0; i < n; i++) {
      size = 2 * size + coder.decide(probabilities, own + BITS + (1 << n) + size);
    }
    if (size > most) throw new NtcError("E3", 0, `a code ${size} off`, `at most ${most}`);
    return lower ? predicted - size : predicted + size;
  }
}

function sign(a: number, b: number): number {
  return a === b ? 1 : a > b ? 2 : 0;
}
