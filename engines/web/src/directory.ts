/** Mask and directory of a level in codec 2: sections 14.2 and 14.3 of docs/format.md. */
import { require } from "./errors.js";
import { LATENT_MOST, tileCodes } from "./level.js";
import { blocksInRow, type Level, type Outline } from "./model.js";
import { newProbabilities, type RangeDecoder } from "./rangeDecoder.js";

const WIDTHS = 9;

/** What the codes of tiles need, tile by tile. */
export interface Tiles {
  widths: Uint8Array;
  scales: Int32Array;
  offsets: Int32Array;
  /** 65536 // scale + 1: what divides by the scale. */
  inverses: Int32Array;
  /** The code whose latent is closest to 0. */
  zeros: Uint8Array;
  /** First words. */
  starts: Int32Array;
}

/** The mask of `blocks` blocks, and how many of them it keeps. */
export function decodeMask(
  coder: RangeDecoder,
  outline: Outline,
  blocks: number,
): { mask: Uint32Array; kept: number } {
  const mask = new Uint32Array(Math.ceil(blocks / 32));
  const columns = blocksInRow(outline);
  const probabilities = newProbabilities(4);
  const upper = new Uint8Array(columns);
  let kept = 0;
  for (let first = 0; first < blocks; first += columns) {
    let left = 0;
    for (let column = 0; column < columns; column++) {
      left = coder.decide(probabilities, 2 * upper[column] + left);
      upper[column] = left;
      kept += left;
      const block = first + column;
      mask[block >>> 5] |= left << (block & 31);
    }
    coder.check();
  }
  require(blocks === 0 || kept > 0, "E2", 0, "a mask that keeps no block", "at least one");
  return { mask, kept };
}

/** The tiles of a level, and the words of all codes. */
export function decodeDirectory(
  coder: RangeDecoder,
  frame: Omit<Level, "words" | "ranks">,
): { tiles: Tiles; codeWords: number } {
  const count = frame.tiles;
  const tiles: Tiles = {
    widths: new Uint8Array(count),
    scales: new Int32Array(count),
    offsets: new Int32Array(count),
    inverses: new Int32Array(count),
    zeros: new Uint8Array(count),
    starts: new Int32Array(count),
  };
  const reader = new TileReader(coder);
  const columns = frame.tilesInRow;
  let codeWords = 0;
  for (let tile = 0; tile < count; tile++) {
    const left = tile % columns ? tiles.widths[tile - 1] : 0;
    const upper = tile >= columns ? tiles.widths[tile - columns] : 0;
    reader.read(tiles, tile, left + upper);
    // May pass 2^31 in a file that lies: what is kept of it is not read then.
    tiles.starts[tile] = codeWords;
    codeWords += Math.ceil((tileCodes(frame, tile) * tiles.widths[tile]) / 32);
    if ((tile + 1) % columns === 0) coder.check();
  }
  return { tiles, codeWords };
}

/** What is learned of width, scale and offset of tiles. */
class TileReader {
  private readonly wider = newProbabilities((2 * WIDTHS - 1) * (WIDTHS - 1));
  private readonly same = newProbabilities(WIDTHS);
  private readonly exact = newProbabilities(WIDTHS);
  private readonly sameScale = newProbabilities(1);
  private readonly zero = newProbabilities(WIDTHS * 256);
  private readonly lastScales = Int32Array.from({ length: WIDTHS }, (_, c) => Math.min(c, 1));
  private readonly lastOffsets = new Int32Array(WIDTHS);
  private lastScale = 1;

  constructor(private readonly coder: RangeDecoder) {}

  /** The next tile; `around` is the sum of the widths left of it and above. */
  read(tiles: Tiles, tile: number, around: number): void {
    const coder = this.coder;
    let c = 0;
    while (c < WIDTHS - 1 && coder.decide(this.wider, around * (WIDTHS - 1) + c)) c++;
    let scale = this.lastScales[c];
    let offset = this.lastOffsets[c];
    if (!coder.decide(this.same, c)) {
      scale = c === 0 ? 0 : this.readScale();
      offset = coder.decide(this.exact, c)
        ? -scale * coder.tree(this.zero, 256 * c, c)
        : coder.raw(15) - 16384;
    }
    const high = offset + scale * ((1 << c) - 1);
    const inside = offset >= -LATENT_MOST && high <= LATENT_MOST;
    require(inside, "E2", 0, `latents ${offset}..${high}`, `within +-${LATENT_MOST}`);
    require((c === 0) === (scale === 0), "E2", 0, `scale ${scale} of width ${c}`, "1 or more");
    this.lastScales[c] = scale;
    this.lastOffsets[c] = offset;
    tiles.widths[tile] = c;
    tiles.scales[tile] = scale;
    tiles.offsets[tile] = offset;
    if (c === 0) return;
    this.lastScale = scale;
    tiles.inverses[tile] = Math.floor(65536 / scale) + 1;
    tiles.zeros[tile] = nearest(-offset, scale, tiles.inverses[tile], (1 << c) - 1);
  }

  private readScale(): number {
    return this.coder.decide(this.sameScale, 0) ? this.lastScale : this.coder.raw(15);
  }
}

/** The code whose latent is closest to one `distance` above the offset. */
export function nearest(distance: number, scale: number, inverse: number, top: number): number {
  const rounded = (distance > 0 ? distance : 0) + (scale >> 1);
  const code = Math.imul(rounded, inverse) >>> 16;
  return code < top ? code : top;
}
