/** Samples of one map in storage space, and what they stand for. */
import type { Channel, MapRecord } from "@ntc/web";
import type { Sent } from "./api.js";
import { toLinear, toScreen } from "./color.js";

export interface MapSamples extends Sent {
  record: MapRecord;
  /** The sample that 1 is stored as: 255 or 65535. */
  top: number;
}

export function describeSamples(sent: Sent, record: MapRecord): MapSamples {
  return { ...sent, record, top: sent.values instanceof Uint8Array ? 255 : 65535 };
}

/** The 16 bits in storage space that a constant channel has everywhere. */
export function storedConstant(record: MapRecord, channel: Channel): number {
  const value = Number(channel.constant);
  let stored: number;
  if (record.sample === "uint8" || record.sample === "uint16") {
    stored = value / (record.sample === "uint8" ? 255 : 65535);
  } else if (record.curve === "log") {
    stored = Math.log2(1 + value - record.low) / Math.log2(1 + record.high - record.low);
  } else {
    stored = (value - record.low) / (record.high - record.low);
  }
  const clipped = Math.min(Math.max(stored || 0, 0), 1);
  return Math.round(65535 * (channel.inverted ? 1 - clipped : clipped));
}

/** The map's samples of texels `[texels, stride]`, whose first channels are `outputs` in order. */
export function gather(
  record: MapRecord,
  texels: Uint8Array | Uint16Array,
  outputs: number[],
  stride: number,
  out: Uint8Array | Uint16Array,
  at: number,
): void {
  const count = record.channels.length;
  const total = texels.length / stride;
  record.channels.forEach((channel, c) => {
    const from = channel.output === null ? -1 : outputs.indexOf(channel.output);
    const wide = out instanceof Uint16Array;
    const constant = from < 0 ? storedConstant(record, channel) : 0;
    const fixed = wide ? constant : Math.floor((constant + 128) / 257);
    for (let i = 0; i < total; i++) {
      out[at + i * count + c] = from < 0 ? fixed : texels[i * stride + from]!;
    }
  });
}

export function newValues(record: MapRecord, texels: number): Uint8Array | Uint16Array {
  const length = texels * record.channels.length;
  return record.sample === "uint8" ? new Uint8Array(length) : new Uint16Array(length);
}

const isFloat = (record: MapRecord): boolean =>
  record.sample === "half" || record.sample === "float";

/** What a value of storage space stands for: light of colours, else the number itself. */
export function linearValue(record: MapRecord, stored: number): number {
  if (isFloat(record)) {
    const span = record.high - record.low;
    if (record.curve === "log") return record.low + 2 ** (stored * Math.log2(1 + span)) - 1;
    return record.low + stored * span;
  }
  if (record.semantic === "normal") return 2 * stored - 1;
  return record.color_space === "srgb" ? toLinear(stored) : stored;
}

export interface Range {
  exposure: number;
  low: number;
  high: number;
}

/** For each sample, the byte that a screen shows of it. */
export function displayTable(samples: MapSamples, { exposure, low, high }: Range): Uint8Array {
  const { record, top } = samples;
  const light = isFloat(record) && record.channels.length > 2;
  const plain = exposure === 0 && low === 0 && high === 1 && !light;
  return Uint8Array.from({ length: top + 1 }, (_, sample) => {
    // As `ntc decompress` rounds 16 bits to 8.
    if (plain) return top === 255 ? sample : Math.floor((sample + 128) / 257);
    const coded = light || (record.color_space === "srgb" && exposure !== 0);
    const value = coded ? linearValue(record, sample / top) : sample / top;
    const ranged = (value * 2 ** exposure - low) / (high - low || 1e-9);
    const held = Math.min(Math.max(ranged, 0), 1);
    return Math.round(255 * (coded ? toScreen(held) : held));
  });
}

/** The map that stands for `wanted` among others: of the same file, the same name, or alone. */
export function counterpart(wanted: MapRecord, others: MapRecord[]): MapRecord | undefined {
  return (
    others.find((record) => record.file === wanted.file) ??
    others.find((record) => record.name === wanted.name) ??
    (others.length === 1 ? others[0] : undefined)
  );
}
