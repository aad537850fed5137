/** `NETW`, chapter 5 of docs/format.md. */
import { require } from "./errors.js";
import type { Layer } from "./model.js";

const align4 = (n: number): number => (n + 3) & ~3;

const pairs = (widths: number[]): [number, number][] =>
  widths.slice(1).map((outputs, i) => [widths[i], outputs]);

export function layerBytes(inputs: number, outputs: number): number {
  return 4 * outputs + align4(outputs) + outputs * align4(inputs);
}

export function networkBytes(widths: number[]): number {
  return pairs(widths).reduce((sum, [inputs, outputs]) => sum + layerBytes(inputs, outputs), 0);
}

/** The rules N1 and N5. */
export function readNetwork(raw: Uint8Array, widths: number[]): Layer[] {
  const size = networkBytes(widths);
  require(raw.length === size, "N1", raw.length, `${raw.length} bytes`, size);
  let at = 0;
  return pairs(widths).map(([inputs, outputs]) => {
    const layer = readLayer(raw, at, inputs, outputs);
    at += layerBytes(inputs, outputs);
    return layer;
  });
}

function readLayer(raw: Uint8Array, at: number, inputs: number, outputs: number): Layer {
  const view = new DataView(raw.buffer, raw.byteOffset + at);
  const biases = Int32Array.from({ length: outputs }, (_, i) => view.getInt32(4 * i, true));
  at += 4 * outputs;
  const shifts = raw.slice(at, at + outputs);
  requireZeros(raw, at + outputs, at + align4(outputs));
  at += align4(outputs);
  const weights = new Int8Array(outputs * inputs);
  for (let row = 0; row < outputs; row++, at += align4(inputs)) {
    weights.set(new Int8Array(raw.buffer, raw.byteOffset + at, inputs), row * inputs);
    requireZeros(raw, at + inputs, at + align4(inputs));
  }
  return { inputs, outputs, weights, biases, shifts };
}

function requireZeros(raw: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) require(raw[i] === 0, "N5", i, `padding ${raw[i]}`, 0);
}

/** The rules N2 to N4: no accumulator leaves 32 bits. */
export function checkLayer(layer: Layer): void {
  require(!layer.weights.includes(-128), "N2", 0, "weight -128", "-127..127");
  for (const bias of layer.biases) {
    require(Math.abs(bias) <= 1 << 30, "N3", 0, `bias ${bias}`, "within +-2^30");
  }
  for (const shift of layer.shifts) require(shift <= 24, "N4", 0, `shift ${shift}`, "at most 24");
}
