/** PSNR of what is here on both sides, as `ntc compare` measures it; FLIP is the server's. */
import type { Tiles } from "./api.js";
import type { MapSamples } from "./samples.js";

export type Pair = readonly [MapSamples, MapSamples];

/** A channel that counts: what of A and of B it is, and where it is in their maps. */
interface Counted {
  key: string;
  channel: number;
}

export interface Quality {
  all: number | null;
  maps: Record<string, number | null>;
}

/** The channels that vary in A or in B, and a normal's three always. */
function counted([a, b]: Pair): Counted[] {
  const found: Counted[] = [];
  a.record.channels.forEach((mine, channel) => {
    const its = b.record.channels[channel]!;
    const same = a.values[channel]! / a.top === b.values[channel]! / b.top;
    const constant = mine.output === null && its.output === null && same;
    const axis = a.record.semantic === "normal" && channel < 3;
    const key = [mine.output, mine.constant, its.output, its.constant, constant && channel];
    if (!constant || axis) found.push({ key: key.join(" "), channel });
  });
  return found;
}

/** Throws an Error that says why the two cannot be measured here. */
function check([a, b]: Pair): void {
  const { name, low, high, curve } = a.record;
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels) {
    throw new Error(`${name}: A and B are of other sizes or channels`);
  }
  if (low !== b.record.low || high !== b.record.high || curve !== b.record.curve) {
    throw new Error(`${name}: A and B have other ranges; the server measures them`);
  }
}

/** The mean squared error of a channel in a rectangle of texels, at a peak of 1. */
function meanSquare(
  [a, b]: Pair,
  channel: number,
  x: number,
  y: number,
  width: number,
  height: number,
): number {
  let sum = 0;
  for (let row = y; row < y + height; row++) {
    for (let i = row * a.width + x; i < row * a.width + x + width; i++) {
      const at = i * a.channels + channel;
      sum += (a.values[at]! / a.top - b.values[at]! / b.top) ** 2;
    }
  }
  return sum / (width * height);
}

const mean = (values: Iterable<number>): number => {
  const all = [...values];
  return all.length ? all.reduce((sum, value) => sum + value, 0) / all.length : 0;
};

const decibels = (error: number): number | null => (error > 0 ? -10 * Math.log10(error) : null);

/** PSNR of each map, and of all channels, each once. Throws an Error if there is none to be had. */
export function qualityOf(pairs: Pair[]): Quality {
  const every = new Map<string, number>();
  const maps: Quality["maps"] = {};
  for (const pair of pairs) {
    check(pair);
    const [{ record, width, height }] = pair;
    const errors = new Map(
      counted(pair).map(({ key, channel }) => [
        key,
        meanSquare(pair, channel, 0, 0, width, height),
      ]),
    );
    for (const [key, error] of errors) every.set(key, error);
    maps[record.name] = decibels(mean(errors.values()));
  }
  return { all: decibels(mean(every.values())), maps };
}

/** PSNR of tiles of `side` texels of a mip; they are named by their size in mip 0. */
export function tilesOf(pair: Pair, side: number, mip: number): Tiles {
  check(pair);
  const [{ width, height }] = pair;
  const channels = new Map(counted(pair).map(({ key, channel }) => [key, channel]));
  const [columns, rows] = [Math.ceil(width / side), Math.ceil(height / side)];
  const psnr = Array.from({ length: columns * rows }, (_, place) => {
    const [x, y] = [(place % columns) * side, Math.floor(place / columns) * side];
    const [w, h] = [Math.min(side, width - x), Math.min(side, height - y)];
    return decibels(mean([...channels.values()].map((one) => meanSquare(pair, one, x, y, w, h))));
  });
  const worst = psnr.flatMap((value, place) => (value === null ? [] : [place]));
  worst.sort((one, other) => psnr[one]! - psnr[other]!);
  return { size: side << mip, columns, rows, psnr, worst };
}
