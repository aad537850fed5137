/** What a file holds, as a decoder reads it; and `MODL`, chapter 4 of docs/format.md. */
import { NtcError, require } from "./errors.js";

/** The shape of a level, known before its codes. */
export interface Outline {
  width: number;
  height: number;
  features: number;
  tileLog2: number;
  /** 0: no table. */
  tableLog2: number;
  blockLog2: number;
  masked: boolean;
  simplex: boolean;
}

/** A level with its section, chapter 6: the mask, the directory, the codes. */
export interface Level extends Outline {
  storedWidth: number;
  storedHeight: number;
  tilesInRow: number;
  tiles: number;
  maskWords: number;
  words: Uint32Array;
  /** The ones before each word of the mask. */
  ranks: Uint32Array;
}

export interface Layer {
  inputs: number;
  outputs: number;
  /** Row by row, one row for each output. */
  weights: Int8Array;
  biases: Int32Array;
  shifts: Uint8Array;
}

/** Everything that fixes the sizes of the other sections. */
export interface Shape {
  width: number;
  height: number;
  mips: number;
  /** In u and in v: wraps, or clamps. */
  wrap: [boolean, boolean];
  /** Inputs, units of each hidden layer, channels. */
  widths: number[];
  outlines: Outline[];
  /** Mip by mip, for each level the first input that takes its features, or 255. */
  roles: Uint8Array;
}

export interface Model extends Shape {
  /** Finest first. */
  levels: Level[];
  layers: Layer[];
  channels: number;
}

export const NOT_READ = 255;
export const MODEL_BYTES = 28;
export const OUTLINE_BYTES = 12;
export const MODEL_MOST = 460;
const SIDE_MOST = 16384;
const TILES_MOST = 1 << 20;
const BLOCKS_MOST = 1 << 22;

export function mipSize(model: Shape, mip: number): [number, number] {
  return [Math.max(model.width >> mip, 1), Math.max(model.height >> mip, 1)];
}

/** The multiply-accumulates of one texel. */
export function macsOf(model: Model): number {
  return model.layers.reduce((sum, layer) => sum + layer.inputs * layer.outputs, 0);
}

export function blocksInRow(outline: Outline): number {
  return Math.ceil(outline.width / (1 << outline.blockLog2));
}

export function blocksOf(outline: Outline): number {
  return blocksInRow(outline) * Math.ceil(outline.height / (1 << outline.blockLog2));
}

/** Width and height of the stored grid; of a masked level that keeps `kept` blocks. */
export function storedGrid(outline: Outline, kept: number): [number, number] {
  const { tableLog2, blockLog2 } = outline;
  if (outline.masked) return [1 << blockLog2, kept * (1 << blockLog2)];
  if (tableLog2 === 0) return [outline.width, outline.height];
  return [1 << (tableLog2 - (tableLog2 >> 1)), 1 << (tableLog2 >> 1)];
}

/** Tiles in a row, and all of them. */
export function tileGrid([width, height]: [number, number], tileLog2: number): [number, number] {
  const columns = Math.ceil(width / (1 << tileLog2));
  return [columns, columns * Math.ceil(height / (1 << tileLog2))];
}

/** The rules M1 to M6 and L1 to L6. */
export function readModel(raw: Uint8Array): Shape {
  const size = raw.length;
  require(size >= MODEL_BYTES, "M1", size, `${size} bytes`, `${MODEL_BYTES} or more`);
  const view = new DataView(raw.buffer, raw.byteOffset, size);
  const [width, height] = [view.getUint32(0, true), view.getUint32(4, true)];
  inRange("M2", 0, "width", width, 1, SIDE_MOST);
  inRange("M2", 4, "height", height, 1, SIDE_MOST);
  const [mips, channels, levels, layers, wrapU, wrapV] = raw.subarray(8, 14);
  inRange("M3", 8, "mips", mips, 1, 32 - Math.clz32(Math.max(width, height)));
  inRange("M4", 9, "channels", channels, 1, 32);
  inRange("M4", 10, "levels", levels, 1, 16);
  inRange("M4", 11, "layers", layers, 1, 4);
  require(wrapU <= 1 && wrapV <= 1, "M5", 12, `wrap ${wrapU}, ${wrapV}`, "0 or 1");
  const all = [0, 1, 2, 3, 4].map((i) => view.getUint16(16 + 2 * i, true));
  const widths = all.slice(0, layers + 1);
  const unused = [view.getUint16(14, true), view.getUint16(26, true), ...all.slice(layers + 1)];
  require(unused.every((n) => n === 0), "M6", 14, `reserved ${unused.join(" ")}`, "zeros");
  inRange("M4", 16, "inputs", widths[0], 2, 128);
  for (const units of widths) inRange("M4", 16, "units", units, 1, 128);
  require(widths[layers] === channels, "M4", 16, `${widths[layers]} outputs`, `${channels}`);
  const first = MODEL_BYTES + levels * OUTLINE_BYTES;
  require(size === first + levels * mips, "M1", size, `${size} bytes`, first + levels * mips);
  const outlines = Array.from({ length: levels }, (_, i) =>
    readOutline(view, MODEL_BYTES + i * OUTLINE_BYTES, width, height),
  );
  outlines.forEach(({ simplex, height: rows }, i) => {
    const odd = simplex && wrapV === 1 && rows % 2 === 1;
    const at = MODEL_BYTES + i * OUTLINE_BYTES + 4;
    require(!odd, "L6", at, `${rows} rows of triangles that wrap`, "an even number");
  });
  const wrap: [boolean, boolean] = [wrapU === 1, wrapV === 1];
  return { width, height, mips, wrap, widths, outlines, roles: raw.slice(first) };
}

function inRange(
  rule: string,
  at: number,
  what: string,
  found: number,
  low: number,
  high: number,
): void {
  require(found >= low && found <= high, rule, at, `${what} ${found}`, `${low}..${high}`);
}

function readOutline(view: DataView, at: number, mostWidth: number, mostHeight: number): Outline {
  const [width, height] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
  inRange("L1", at, "width of level", width, 1, mostWidth);
  inRange("L1", at + 4, "height of level", height, 1, mostHeight);
  const [features, tileLog2] = [view.getUint8(at + 8), view.getUint8(at + 9)];
  inRange("L2", at + 8, "features", features, 1, 32);
  inRange("L3", at + 9, "tile_log2", tileLog2, 2, 6);
  const layout = view.getUint16(at + 10, true);
  require(layout >> 10 === 0, "M6", at + 10, `layout ${layout}`, "zeros above bit 9");
  const [tableLog2, blockLog2] = [layout & 31, (layout >> 5) & 7];
  const [masked, simplex] = [(layout & 256) !== 0, (layout & 512) !== 0];
  let legal = blockLog2 === 0;
  if (masked) legal = tableLog2 === 0 && blockLog2 >= 2 && blockLog2 <= 6;
  else if (tableLog2 > 0) {
    legal = tableLog2 >= 4 && tableLog2 <= 24 && blockLog2 <= Math.min(6, tableLog2 >> 1);
  }
  require(legal, "L5", at + 10, `layout ${layout}`, "a dense grid, a table or a mask");
  const outline = { width, height, features, tileLog2, tableLog2, blockLog2, masked, simplex };
  const blocks = masked ? blocksOf(outline) : 0;
  inRange("L4", at, "blocks", blocks, 0, BLOCKS_MOST);
  inRange("L4", at, "tiles", tileGrid(storedGrid(outline, blocks), tileLog2)[1], 1, TILES_MOST);
  return outline;
}

/** The rules R1 to R3: where features go in each mip. */
export function checkRoles(model: Shape): void {
  const free = model.widths[0] - 1;
  const count = model.outlines.length;
  for (let mip = 0; mip < model.mips; mip++) {
    const taken = new Uint8Array(free);
    const at = MODEL_BYTES + OUTLINE_BYTES * count + mip * count;
    for (let level = 0; level < count; level++) {
      const role = model.roles[mip * count + level];
      if (role === NOT_READ) continue;
      const end = role + model.outlines[level].features;
      require(end <= free, "R1", at, `input ${end - 1} in mip ${mip}`, `below ${free}`);
      if (taken.subarray(role, end).includes(1)) {
        throw new NtcError("R2", at, `an input of ${role}..${end - 1} twice in mip ${mip}`, "once");
      }
      taken.fill(1, role, end);
    }
    require(taken.includes(1), "R3", at, `mip ${mip} reads no level`, "at least one");
  }
}
