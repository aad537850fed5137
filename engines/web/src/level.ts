/** `LEVL`, chapter 6 of docs/format.md. Words are little-endian, as all machines of today are. */
import { NtcError, require } from "./errors.js";
import { blocksOf, type Level, type Outline, storedGrid, tileGrid } from "./model.js";

export const LATENT_MOST = 16256;
const START_MASK = 0xfffffff;

/** Words of the mask of a level: 0 if it has none. */
export function maskWordsOf(outline: Outline): number {
  return outline.masked ? Math.ceil(blocksOf(outline) / 32) : 0;
}

/** The bytes that no section of this shape exceeds (rule C4). */
export function levelMost(outline: Outline): number {
  const [width, height] = storedGrid(outline, outline.masked ? blocksOf(outline) : 0);
  const tiles = tileGrid([width, height], outline.tileLog2)[1];
  return 4 * maskWordsOf(outline) + 11 * tiles + width * height * outline.features;
}

/** Codes of tile `tile`: of all features of all its cells. */
export function tileCodes(level: Omit<Level, "words" | "ranks">, tile: number): number {
  const side = 1 << level.tileLog2;
  const column = tile % level.tilesInRow;
  const row = (tile - column) / level.tilesInRow;
  const width = Math.min(level.storedWidth - column * side, side);
  const height = Math.min(level.storedHeight - row * side, side);
  return width * height * level.features;
}

export function countOnes(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** A level with the grid that is stored if a mask keeps `kept` blocks, but without its words. */
export function levelFrame(outline: Outline, kept: number): Omit<Level, "words" | "ranks"> {
  const grid = storedGrid(outline, kept);
  const [tilesInRow, tiles] = tileGrid(grid, outline.tileLog2);
  const [storedWidth, storedHeight] = grid;
  const maskWords = maskWordsOf(outline);
  return { ...outline, storedWidth, storedHeight, tilesInRow, tiles, maskWords };
}

/** The level in a section, whose memory it keeps. The rules D1, D2 and D6. */
export function readLevel(raw: Uint8Array, outline: Outline): Level {
  const size = raw.length;
  const maskWords = maskWordsOf(outline);
  require(size >= 4 * maskWords, "D2", size, `${size} bytes`, `${4 * maskWords} or more`);
  const words = new Uint32Array(raw.buffer, raw.byteOffset, size >> 2);
  const { kept, ranks } = readMask(words.subarray(0, maskWords), outline);
  const frame = levelFrame(outline, kept);
  const end = maskWords + 2 * frame.tiles;
  require(size >= 4 * end, "D2", size, `${size} bytes`, `${4 * end} or more`);
  let total = 0;
  for (let tile = 0; tile < frame.tiles; tile++) {
    const at = maskWords + 2 * tile;
    const width = words[at] >>> 28;
    if (width > 8) throw new NtcError("D1", 4 * at, `code width ${width}`, "0..8");
    total += Math.ceil((tileCodes(frame, tile) * width) / 32);
  }
  require(size === 4 * (end + total), "D2", size, `${size} bytes`, 4 * (end + total));
  checkStarts(frame, words);
  return { ...frame, words, ranks };
}

function readMask(mask: Uint32Array, outline: Outline): { kept: number; ranks: Uint32Array } {
  const ranks = new Uint32Array(mask.length);
  let kept = 0;
  for (let i = 0; i < mask.length; i++) {
    ranks[i] = kept;
    kept += countOnes(mask[i]);
  }
  if (outline.masked) {
    const used = blocksOf(outline) & 31;
    const spare = used ? mask[mask.length - 1] >>> used : 0;
    require(spare === 0, "D6", 0, "bits set after the last block", "zeros");
    require(kept > 0, "D6", 0, "a mask that keeps no block", "at least one");
  }
  return { kept, ranks };
}

function checkStarts(frame: Omit<Level, "words" | "ranks">, words: Uint32Array): void {
  let start = 0;
  for (let tile = 0; tile < frame.tiles; tile++) {
    const at = frame.maskWords + 2 * tile;
    const found = words[at] & START_MASK;
    if (found !== start) throw new NtcError("D2", 4 * at, `first word ${found}`, start);
    start += Math.ceil((tileCodes(frame, tile) * (words[at] >>> 28)) / 32);
  }
}

/** The rules D3, D4 and D5. */
export function checkLevel(level: Level): void {
  const { words, maskWords, tiles } = level;
  for (let at = maskWords; at < maskWords + 2 * tiles; at += 2) {
    const low = words[at + 1] >> 16;
    const high = low + (words[at + 1] & 0xffff) * ((1 << (words[at] >>> 28)) - 1);
    if (low < -LATENT_MOST || high > LATENT_MOST) {
      throw new NtcError("D3", 4 * at, `latents ${low}..${high}`, `within +-${LATENT_MOST}`);
    }
  }
  for (let at = maskWords; at < maskWords + 2 * tiles; at += 2) {
    const [width, scale] = [words[at] >>> 28, words[at + 1] & 0xffff];
    if ((width === 0) !== (scale === 0)) {
      throw new NtcError("D4", 4 * at, `width ${width}, scale ${scale}`, "both 0, or none");
    }
  }
  for (let tile = 0; tile < tiles; tile++) checkSpareBits(level, tile);
}

function checkSpareBits(level: Level, tile: number): void {
  const entry = level.words[level.maskWords + 2 * tile];
  const bits = tileCodes(level, tile) * (entry >>> 28);
  if (bits % 32 === 0) return;
  const last = level.maskWords + 2 * level.tiles + (entry & START_MASK) + (bits >>> 5);
  if (level.words[last] >>> (bits & 31) !== 0) {
    throw new NtcError("D5", 4 * last, `bits set after tile ${tile}`, "zeros");
  }
}

/** A level whose codes have not arrived: all latents are 0, however it will be stored. */
export function emptyLevel(outline: Outline): Level {
  const dense = { ...outline, tileLog2: 6, tableLog2: 0, blockLog2: 0, masked: false };
  const frame = levelFrame(dense, 0);
  return { ...frame, words: new Uint32Array(2 * frame.tiles), ranks: new Uint32Array(0) };
}
