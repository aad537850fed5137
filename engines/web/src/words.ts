/** A material as the shaders read it: shaders/README.md, "Words of a material". */
import { blocksInRow, type Layer, type Level, type Model } from "./model.js";
import type { NtcFile } from "./open.js";

/** Words: every part starts at a multiple of it, since shaders load four at once. */
const ALIGNMENT = 4;
const RECORD_WORDS = 12;

/** The words of a material; their number is a multiple of 4, and so has to be where they start. */
export function gpuWords(file: NtcFile): Uint32Array {
  const { model } = file;
  const parts = new Parts();
  const header = new Uint32Array(12);
  const records = new Uint32Array(RECORD_WORDS * model.levels.length);
  const layerRecords = new Uint32Array(4 * model.layers.length);
  parts.add(header);
  parts.add(records);
  const roles = parts.add(packBytes(model.roles));
  const layers = parts.add(layerRecords);
  model.layers.forEach((layer, i) => {
    layerRecords.set([layer.inputs, layer.outputs, parts.add(parameters(layer))], 4 * i);
  });
  model.levels.forEach((level, i) => records.set(addLevel(parts, level), RECORD_WORDS * i));
  header.set(shapeOf(model));
  header.set([roles, layers, parts.length], 8);
  return parts.joined();
}

class Parts {
  length = 0;
  private readonly parts: { at: number; words: Uint32Array }[] = [];

  /** The word that the part starts at. It may still change until all are joined. */
  add(words: Uint32Array): number {
    const at = this.length;
    this.parts.push({ at, words });
    this.length += Math.ceil(words.length / ALIGNMENT) * ALIGNMENT;
    return at;
  }

  joined(): Uint32Array {
    const all = new Uint32Array(this.length);
    for (const { at, words } of this.parts) all.set(words, at);
    return all;
  }
}

function shapeOf(model: Model): number[] {
  const wrap = (model.wrap[0] ? 1 : 0) | (model.wrap[1] ? 2 : 0);
  const { width, height, mips, channels, levels, layers, widths } = model;
  return [width, height, mips, channels, levels.length, layers.length, wrap, widths[0]];
}

function packBytes(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

/** Biases, shifts and weights of eight outputs at a time, filled up with zeros. */
function parameters(layer: Layer): Uint32Array {
  const { inputs, outputs, weights, biases, shifts } = layer;
  const columns = 2 * Math.ceil(inputs / 8);
  const words = new Uint32Array(Math.ceil(outputs / 8) * 8 * (2 + columns));
  const bytes = new Int8Array(words.buffer);
  for (let k = 0; k < outputs; k++) {
    const first = (k >> 3) * 8 * (2 + columns) + (k & 7);
    words[first] = biases[k];
    words[first + 8] = shifts[k];
    for (let i = 0; i < inputs; i++) {
      bytes[4 * (first + 16 + 8 * (i >> 2)) + (i & 3)] = weights[k * inputs + i];
    }
  }
  return words;
}

/** The record of a level, whose parts are added. */
function addLevel(parts: Parts, level: Level): number[] {
  const { maskWords, tiles, words } = level;
  const codes = maskWords + 2 * tiles;
  const layout =
    level.tableLog2 | (level.blockLog2 << 5) | (level.masked ? 256 : 0) | (level.simplex ? 512 : 0);
  return [
    level.width,
    level.height,
    level.features | (level.tileLog2 << 8) | (layout << 16),
    level.tilesInRow,
    tiles,
    level.storedWidth,
    parts.add(words.subarray(maskWords, codes)),
    parts.add(words.subarray(codes)),
    words.length - codes,
    parts.add(rankedMask(level)),
    blocksInRow(level),
    maskWords,
  ];
}

/** 32 bits of the mask and the number of ones before them, in turn. */
function rankedMask(level: Level): Uint32Array {
  const pairs = new Uint32Array(2 * level.maskWords);
  for (let i = 0; i < level.maskWords; i++) {
    pairs[2 * i] = level.words[i];
    pairs[2 * i + 1] = level.ranks[i];
  }
  return pairs;
}
