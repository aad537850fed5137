/** Inputs of the decoder from levels: sections 8.3 to 8.6 of docs/format.md. */
import { countOnes } from "./level.js";
import { blocksInRow, type Level } from "./model.js";

const HASH_PRIME = 2654435761;

/** Where a texel of a mip lies, as a 24-bit fraction: 8.2. The product stays below 2^38. */
export function texelPosition(texel: number, size: number): number {
  return Math.floor(((2 * texel + 1) * 8388608) / size);
}

/** 8.3, in 1/256 of a cell; the product stays below 2^38. */
function cellPosition(position: number, cells: number): number {
  return Math.floor((position * cells) / 65536) - 128;
}

/** 8.4. */
function address(cell: number, cells: number, wrap: boolean): number {
  if (cell < 0) return wrap ? cells - 1 : 0;
  if (cell >= cells) return wrap ? 0 : cells - 1;
  return cell;
}

/** Adds to `sums`, from `at` on, the blend of the features of a level at a position: 8.5. */
export function addFeatures(
  level: Level,
  u: number,
  v: number,
  wrap: [boolean, boolean],
  sums: Int32Array,
  at: number,
): void {
  const p = cellPosition(u, level.width);
  const q = cellPosition(v, level.height);
  const add = (column: number, row: number, weight: number): void => {
    const x = address(column, level.width, wrap[0]);
    addCell(level, x, address(row, level.height, wrap[1]), weight, sums, at);
  };
  if (level.simplex) {
    const skewed = p + (q >> 1);
    const [i, y, fi, fy] = [skewed >> 8, q >> 8, skewed & 255, q & 255];
    const corner = (column: number, row: number, weight: number): void =>
      add(column - (row >> 1), row, weight * 256);
    corner(i, y, 256 - Math.max(fi, fy));
    if (fi >= fy) corner(i + 1, y, fi - fy);
    else corner(i, y + 1, fy - fi);
    corner(i + 1, y + 1, Math.min(fi, fy));
    return;
  }
  const [x, y, fx, fy] = [p >> 8, q >> 8, p & 255, q & 255];
  add(x, y, (256 - fx) * (256 - fy));
  add(x + 1, y, fx * (256 - fy));
  add(x, y + 1, (256 - fx) * fy);
  add(x + 1, y + 1, fx * fy);
}

/** 8.5.3: finds the cell of the stored grid that cell (x, y) of the level keeps its latents in. */
function addCell(
  level: Level,
  x: number,
  y: number,
  weight: number,
  sums: Int32Array,
  at: number,
): void {
  // A neighbour without weight is not read: half of them at the borders of cells.
  if (weight === 0) return;
  const { blockLog2, tableLog2 } = level;
  if (!level.masked && tableLog2 === 0) return addLatents(level, x, y, weight, sums, at);
  const inner = (1 << blockLog2) - 1;
  const [column, row] = [x >> blockLog2, y >> blockLog2];
  if (level.masked) {
    const block = row * blocksInRow(level) + column;
    const mask = level.words[block >> 5];
    const bit = block & 31;
    if (((mask >>> bit) & 1) === 0) return;
    const rank = level.ranks[block >> 5] + countOnes(mask & ((1 << bit) - 1));
    const stored = (rank << blockLog2) | (y & inner);
    return addLatents(level, x & inner, stored, weight, sums, at);
  }
  const blocks = 1 << (tableLog2 - 2 * blockLog2);
  const k = (column ^ Math.imul(row, HASH_PRIME)) & (blocks - 1);
  const columnsLog2 = tableLog2 - (tableLog2 >> 1) - blockLog2;
  const storedX = ((k & ((1 << columnsLog2) - 1)) << blockLog2) | (x & inner);
  addLatents(level, storedX, ((k >> columnsLog2) << blockLog2) | (y & inner), weight, sums, at);
}

/** 8.6: the latents of a stored cell. Sums and products stay below 2^31. */
function addLatents(
  level: Level,
  x: number,
  y: number,
  weight: number,
  sums: Int32Array,
  at: number,
): void {
  const { words, tileLog2, features } = level;
  const side = 1 << tileLog2;
  const [tileX, tileY] = [x >> tileLog2, y >> tileLog2];
  const entry = level.maskWords + 2 * (tileY * level.tilesInRow + tileX);
  const width = words[entry] >>> 28;
  const scale = words[entry + 1] & 0xffff;
  const offset = words[entry + 1] >> 16;
  const tileWidth = Math.min(side, level.storedWidth - tileX * side);
  const cell = (y & (side - 1)) * tileWidth + (x & (side - 1));
  const first = level.maskWords + 2 * level.tiles + (words[entry] & 0xfffffff);
  let bit = cell * features * width;
  for (let f = 0; f < features; f++, bit += width) {
    const word = first + (bit >> 5);
    const inner = bit & 31;
    let code = words[word] >>> inner;
    if (inner + width > 32) code |= words[word + 1] << (32 - inner);
    sums[at + f] += Math.imul(weight, offset + scale * (code & ((1 << width) - 1)));
  }
}
