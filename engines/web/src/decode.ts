/** The decoder on the processor, chapter 8 of docs/format.md: every bit as the reference has it. */
import { addFeatures, texelPosition } from "./features.js";
import { type Layer, mipSize, type Model, NOT_READ } from "./model.js";
import type { NtcFile } from "./open.js";

/** Texels x..x + width - 1 and y..y + height - 1 of a mip. */
export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The rectangle, or the whole mip. Throws RangeError for what does not exist. */
export function rectangleOf(model: Model, mip: number, rectangle?: Rectangle): Rectangle {
  checkMip(model, mip);
  const [mipWidth, mipHeight] = mipSize(model, mip);
  const found = rectangle ?? { x: 0, y: 0, width: mipWidth, height: mipHeight };
  const { x, y, width, height } = found;
  const whole = [x, y, width, height].every(Number.isInteger);
  const inside = x >= 0 && y >= 0 && x + width <= mipWidth && y + height <= mipHeight;
  if (!whole || !inside || width < 1 || height < 1) {
    const told = `${x}, ${y}, ${width}, ${height}`;
    throw new RangeError(`rectangle ${told} is not within mip ${mip} of ${mipWidth}x${mipHeight}`);
  }
  return found;
}

function checkMip(model: Model, mip: number): void {
  if (!Number.isInteger(mip) || mip < 0 || mip >= model.mips) {
    throw new RangeError(`mip ${mip} does not exist: the file has mips 0..${model.mips - 1}`);
  }
}

/** `[height, width, channels]` storage values of a rectangle, or of a whole mip. */
export function decodeRectangle(file: NtcFile, mip: number, rectangle?: Rectangle): Uint16Array {
  const { model } = file;
  const { x, y, width, height } = rectangleOf(model, mip, rectangle);
  const [mipWidth, mipHeight] = mipSize(model, mip);
  const decoder = new Decoder(model, 8 * mip);
  const out = new Uint16Array(width * height * model.channels);
  let at = 0;
  for (let row = y; row < y + height; row++) {
    const v = texelPosition(row, mipHeight);
    for (let column = x; column < x + width; column++, at += model.channels) {
      decoder.run(texelPosition(column, mipWidth), v, out, at);
    }
  }
  return out;
}

/** `[n, channels]` storage values of the texels `xs[i], ys[i]` of a mip. */
export function decodeTexels(
  file: NtcFile,
  mip: number,
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
): Uint16Array {
  const { model } = file;
  checkMip(model, mip);
  const [width, height] = mipSize(model, mip);
  const decoder = new Decoder(model, 8 * mip);
  const out = new Uint16Array(xs.length * model.channels);
  for (let i = 0; i < xs.length; i++) {
    const [x, y] = [xs[i], ys[i]];
    rectangleOf(model, mip, { x, y, width: 1, height: 1 });
    decoder.run(texelPosition(x, width), texelPosition(y, height), out, i * model.channels);
  }
  return out;
}

/**
 * `[n, channels]` storage values between texels and mips (8.9), all of one lod: positions in 1/2^24
 * of the material, the lod in eighths of a mip.
 */
export function decodeSamples(
  file: NtcFile,
  lod8: number,
  us: ArrayLike<number>,
  vs: ArrayLike<number>,
): Uint16Array {
  const { model } = file;
  const inside = (n: number, most: number): boolean => Number.isInteger(n) && n >= 0 && n <= most;
  if (!inside(lod8, 8 * (model.mips - 1))) throw new RangeError(`lod ${lod8} does not exist`);
  const decoder = new Decoder(model, lod8);
  const out = new Uint16Array(us.length * model.channels);
  for (let i = 0; i < us.length; i++) {
    if (!inside(us[i], 2 ** 24 - 1) || !inside(vs[i], 2 ** 24 - 1)) {
      throw new RangeError(`position ${us[i]}, ${vs[i]} is not within 0..2^24 - 1`);
    }
    decoder.run(us[i], vs[i], out, i * model.channels);
  }
  return out;
}

/** Decodes one position after the other, at one lod. */
class Decoder {
  private readonly inputs = new Int32Array(128);
  private readonly hidden = new Int32Array(128);
  private readonly mip: number;
  private readonly step: number;

  constructor(
    private readonly model: Model,
    private readonly lod8: number,
  ) {
    this.mip = lod8 >> 3;
    this.step = lod8 & 7;
  }

  /** Writes the storage values at u, v to `out`, from `at` on. */
  run(u: number, v: number, out: Uint16Array, at: number): void {
    const { model, inputs } = this;
    const count = model.levels.length;
    inputs.fill(0);
    for (let i = 0; i < count; i++) {
      const role = model.roles[this.mip * count + i];
      if (role === NOT_READ) continue;
      const level = model.levels[i];
      addFeatures(level, u, v, model.wrap, inputs, role);
      const fades = this.step > 0 && model.roles[(this.mip + 1) * count + i] === NOT_READ;
      for (let f = role; f < role + level.features; f++) {
        const input = (inputs[f] + (1 << 22)) >> 23;
        inputs[f] = fades ? (input * (8 - this.step) + 4) >> 3 : input;
      }
    }
    inputs[model.widths[0] - 1] = this.lod8;
    this.runLayers(out, at);
  }

  private runLayers(out: Uint16Array, at: number): void {
    const { layers } = this.model;
    let from = this.inputs;
    let to = this.hidden;
    for (let i = 0; i < layers.length - 1; i++) {
      const { outputs, biases, shifts } = layers[i];
      for (let k = 0; k < outputs; k++) {
        to[k] = activation((biases[k] + product(layers[i], k, from)) >> shifts[k]);
      }
      [from, to] = [to, from];
    }
    const last = layers[layers.length - 1];
    for (let k = 0; k < last.outputs; k++) {
      const value = (last.biases[k] + 256 * product(last, k, from)) >> last.shifts[k];
      out[at + k] = value < 0 ? 0 : value > 65535 ? 65535 : value;
    }
  }
}

function product(layer: Layer, row: number, inputs: Int32Array): number {
  const { weights, inputs: count } = layer;
  const first = row * count;
  let sum = 0;
  for (let i = 0; i < count; i++) sum = (sum + Math.imul(weights[first + i], inputs[i])) | 0;
  return sum;
}

/** 8.8: a hard swish with knees at +-64. */
function activation(t: number): number {
  const inside = t < -64 ? -64 : t > 127 ? 127 : t;
  const gate = inside + 64 < 128 ? inside + 64 : 128;
  return (Math.imul(inside, gate) + 64) >> 7;
}
