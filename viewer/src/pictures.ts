/** Pictures of maps and of their errors: bytes that a canvas shows as they are. */
import type { Sent, Tiles } from "./api.js";
import { HEAT, pixel, toScreen } from "./color.js";
import { degreesBetween, normalAt } from "./normals.js";
import { displayTable, type MapSamples } from "./samples.js";
import type { State } from "./state.js";

/** Pixels row by row, low byte red. */
export interface Picture {
  width: number;
  height: number;
  pixels: Uint32Array;
}

const AMBIENT = 0.05;
const ELEVATION = Math.PI / 4; // of the light
export const FULL_DEGREES = 90; // white in a picture of angles, divided by the gain
const BEST_DECIBELS = 60; // black in a picture of tiles
const WORST_DECIBELS = 15;

function draw(width: number, height: number, at: (i: number) => number): Picture {
  const pixels = new Uint32Array(width * height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = at(i);
  return { width, height, pixels };
}

/** The channels to show as red, green and blue: of one alone, grey. */
function shownChannels(channels: number, alone: number): [number, number, number] {
  const only = Math.min(alone, channels - 1);
  if (alone >= 0) return [only, only, only];
  return channels === 1 ? [0, 0, 0] : [0, 1, 2];
}

export function isNormal(samples: MapSamples): boolean {
  return samples.record.semantic === "normal" && samples.channels > 1;
}

/** A map as the state says: its bytes, or its normals. */
export function pictureOf(samples: MapSamples, state: State): Picture {
  if (isNormal(samples) && state.channel < 0) {
    if (state.show === "lit") return litPicture(samples, state.light);
    if (state.show === "xyz") return normalPicture(samples);
  }
  const { width, height, channels, values } = samples;
  const table = displayTable(samples, state);
  const [r, g, b] = shownChannels(channels, state.channel);
  return draw(width, height, (i) => {
    const at = i * channels;
    const blue = b < channels ? table[values[at + b]!]! : 0; // a map of two channels has none
    return pixel(table[values[at + r]!]!, table[values[at + g]!]!, blue);
  });
}

function normalPicture(samples: MapSamples): Picture {
  const normal = new Float64Array(3);
  const byte = (v: number): number => Math.round(127.5 * (v + 1));
  return draw(samples.width, samples.height, (i) => {
    normalAt(samples, i, normal);
    return pixel(byte(normal[0]!), byte(normal[1]!), byte(normal[2]!));
  });
}

function litPicture(samples: MapSamples, degrees: number): Picture {
  const around = (degrees * Math.PI) / 180;
  const [x, y] = [Math.cos(around), Math.sin(around)].map((v) => v * Math.cos(ELEVATION));
  const z = Math.sin(ELEVATION);
  const normal = new Float64Array(3);
  return draw(samples.width, samples.height, (i) => {
    normalAt(samples, i, normal);
    const lambert = Math.max(normal[0]! * x! + normal[1]! * y! + normal[2]! * z, 0);
    const grey = Math.round(255 * toScreen(AMBIENT + (1 - AMBIENT) * lambert));
    return pixel(grey, grey, grey);
  });
}

/** Throws an Error unless texels of the two lie on each other. */
function checkSizes(a: Sent, b: Sent): void {
  if (a.width !== b.width || a.height !== b.height) {
    const sizes = `A is ${a.width}x${a.height}, B is ${b.width}x${b.height}`;
    throw new Error(`${sizes}: only maps of one size can be compared`);
  }
}

/** How the error B - A of a texel that is `exact` in A is shown, in parts of white. */
const DIFFERENCES = {
  diff: (error: number, gain: number) => gain * Math.abs(error),
  signed: (error: number, gain: number) => (1 + gain * error) / 2,
  // Below one step of 8 bits, parts of A would be noise.
  relative: (error: number, gain: number, exact: number) =>
    (gain * Math.abs(error)) / Math.max(exact, 1 / 255),
} as const;

/** A against B in storage space. */
export function differencePicture(
  a: MapSamples,
  b: MapSamples,
  state: State,
  mode: keyof typeof DIFFERENCES,
): Picture {
  checkSizes(a, b);
  const shared = Math.min(a.channels, b.channels);
  const [red, green, blue] = shownChannels(shared, state.channel);
  const part = DIFFERENCES[mode];
  const none = Math.round(255 * part(0, state.gain, 1)); // of a channel that a map of two lacks
  const byte = (i: number, channel: number): number => {
    if (channel >= shared) return none;
    const exact = a.values[i * a.channels + channel]! / a.top;
    const error = b.values[i * b.channels + channel]! / b.top - exact;
    return Math.min(Math.max(Math.round(255 * part(error, state.gain, exact)), 0), 255);
  };
  return draw(a.width, a.height, (i) => pixel(byte(i, red), byte(i, green), byte(i, blue)));
}

/** Degrees between the normals of A and B. */
export function anglePicture(a: MapSamples, b: MapSamples, gain: number): Picture {
  if (!isNormal(a) || !isNormal(b)) {
    throw new Error(`${a.record.name}: angles are of normal maps; choose one of them`);
  }
  checkSizes(a, b);
  const [first, second] = [new Float64Array(3), new Float64Array(3)];
  return draw(a.width, a.height, (i) => {
    normalAt(a, i, first);
    normalAt(b, i, second);
    const part = (degreesBetween(first, second) * gain) / FULL_DEGREES;
    return HEAT[Math.min(Math.round(255 * part), 255)]!;
  });
}

/** FLIP as the server measures it. */
export function flipPicture(sent: Sent): Picture {
  return draw(sent.width, sent.height, (i) => HEAT[sent.values[i]!]!);
}

/** PSNR of each tile: the brighter, the worse. */
export function tilesPicture(tiles: Tiles, width: number, height: number): Picture {
  const heat = tiles.psnr.map((psnr) => {
    const part = psnr === null ? 0 : (BEST_DECIBELS - psnr) / (BEST_DECIBELS - WORST_DECIBELS);
    return HEAT[Math.round(255 * Math.min(Math.max(part, 0), 1))]!;
  });
  return draw(width, height, (i) => {
    // A coarse mip may have left out the last texels.
    const row = Math.min(Math.floor(Math.floor(i / width) / tiles.size), tiles.rows - 1);
    const column = Math.min(Math.floor((i % width) / tiles.size), tiles.columns - 1);
    return heat[row * tiles.columns + column]!;
  });
}

/** What brightness stands for in a mode; empty of pictures themselves. */
export function legend(state: State): string {
  const { gain } = state;
  if (state.mode === "diff") return `|A − B| × ${gain}: white is 1/${gain} of the range`;
  if (state.mode === "signed") return `(B − A) × ${gain}: grey is 0, white 1/${gain} of the range`;
  if (state.mode === "relative")
    return `|A − B| / A × ${gain}: white is ${(100 / gain).toFixed(1)} %`;
  if (state.mode === "angle") return `angle: white is ${(FULL_DEGREES / gain).toFixed(2)}°`;
  if (state.mode === "flip") return "FLIP: black is 0, white is 1";
  if (state.mode === "tiles") return `PSNR: black is ${BEST_DECIBELS} dB, white ${WORST_DECIBELS}`;
  return "";
}
