/** What a file holds and costs: the numbers that `ntc info --json` prints, by the same names. */
import { countOnes } from "./level.js";
import type { FitRecord, MapRecord } from "./metadata.js";
import { blocksOf, type Level, macsOf, type Model, NOT_READ } from "./model.js";
import { layerBytes } from "./network.js";
import type { NtcFile } from "./open.js";

export interface LevelReport {
  width: number;
  height: number;
  features: number;
  tile: number;
  stored_cells: number;
  triangles: boolean;
  kept_blocks: number | null;
  mean_code_width: number;
  bytes: number;
}

export interface Report {
  bytes: number;
  bpp: number;
  video_memory_bytes: number;
  bytes_per_texel: number;
  macs: number;
  name: string;
  width: number;
  height: number;
  mips: number;
  channels: number;
  wrap: [boolean, boolean];
  decoder: number[];
  levels: LevelReport[];
  maps: MapRecord[];
  psnr: number | null;
  map_psnr: Record<string, number | null>;
  fit: FitRecord;
  generator: string;
  encoding: "grid" | "hash" | "simplex";
}

export function describe(file: NtcFile): Report {
  const { model, metadata } = file;
  const { width, height, mips, channels, wrap, widths } = model;
  return {
    bytes: file.bytes,
    bpp: rounded((8 * file.bytes) / (width * height), 4),
    video_memory_bytes: videoMemoryBytes(model),
    bytes_per_texel: bytesPerTexel(model),
    macs: macsOf(model),
    name: metadata.name,
    width,
    height,
    mips,
    channels,
    wrap,
    decoder: widths,
    levels: model.levels.map(reportLevel),
    maps: metadata.maps,
    psnr: metadata.quality.psnr,
    map_psnr: metadata.quality.maps,
    fit: metadata.fit,
    generator: metadata.generator,
    encoding: encodingOf(model),
  };
}

/** To so many decimals, the even one of two. */
function rounded(value: number, decimals: number): number {
  const scaled = value * 10 ** decimals;
  const down = Math.floor(scaled);
  const tie = scaled - down === 0.5 && down % 2 === 0;
  return tie ? down / 10 ** decimals : Number(value.toFixed(decimals));
}

const codeWords = (level: Level): number => level.words.length - level.maskWords - 2 * level.tiles;

/** Bytes a GPU keeps for a level: directory, codes and, of a mask, bits and the sums before. */
function levelBytes(level: Level): number {
  return 8 * level.tiles + 4 * codeWords(level) + 8 * level.maskWords;
}

/** Bytes a GPU keeps to sample any texel. */
function videoMemoryBytes(model: Model): number {
  const levels = model.levels.reduce((sum, level) => sum + levelBytes(level), 0);
  const network = model.layers.reduce((sum, { inputs, outputs }) => {
    return sum + layerBytes(inputs, outputs) - (-outputs & 3); // the file fills shifts up to words
  }, 0);
  return levels + network + model.roles.length;
}

/** Most bytes of codes and directory that one texel of mip 0 reads. */
function bytesPerTexel(model: Model): number {
  return model.levels.reduce((sum, level, i) => {
    if (model.roles[i] === NOT_READ) return sum;
    let width = 0;
    for (let at = level.maskWords; at < level.maskWords + 2 * level.tiles; at += 2) {
      width = Math.max(width, level.words[at] >>> 28);
    }
    const cell = (level.masked ? 16 : 8) + Math.ceil((level.features * width) / 8);
    return sum + (level.simplex ? 3 : 4) * cell;
  }, 0);
}

function reportLevel(level: Level): LevelReport {
  const cells = level.storedWidth * level.storedHeight;
  const mask = level.words.subarray(0, level.maskWords);
  const kept = mask.reduce((sum, word) => sum + countOnes(word), 0);
  return {
    width: level.width,
    height: level.height,
    features: level.features,
    tile: 1 << level.tileLog2,
    stored_cells: cells,
    triangles: level.simplex,
    kept_blocks: level.masked ? kept / blocksOf(level) : null,
    mean_code_width: rounded((32 * codeWords(level)) / (cells * level.features), 3),
    bytes: levelBytes(level),
  };
}

function encodingOf(model: Model): "grid" | "hash" | "simplex" {
  if (model.levels.some((level) => level.simplex)) return "simplex";
  return model.levels.some((level) => level.masked || level.tableLog2 > 0) ? "hash" : "grid";
}
