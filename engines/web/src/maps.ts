/** Storage values to the images they were: chapter 9 of docs/format.md. */
import type { MapRecord } from "./metadata.js";
import type { NtcFile } from "./open.js";

/** Samples as the image had them; those of `half` and `float` maps as numbers of 32 bits. */
export type Samples = Uint8Array | Uint16Array | Float32Array;

export interface MapImage {
  record: MapRecord;
  /** `[texels, channels of the map]`. */
  samples: Samples;
}

/** Every map, from the `[texels, channels]` storage values of any texels. */
export function mapsOf(outputs: Uint16Array, file: NtcFile): MapImage[] {
  const { channels } = file.model;
  if (outputs.length % channels !== 0) {
    throw new RangeError(`${outputs.length} values are not whole texels of ${channels} channels`);
  }
  return file.metadata.maps.map((record) => ({
    record,
    samples: samplesOf(outputs, channels, record),
  }));
}

function samplesOf(outputs: Uint16Array, stride: number, record: MapRecord): Samples {
  const texels = outputs.length / stride;
  const count = record.channels.length;
  const samples = newSamples(record, texels * count);
  const convert = converter(record);
  record.channels.forEach(({ output, constant, inverted }, channel) => {
    const sample = record.sample === "half" ? toHalf(Number(constant)) : Number(constant);
    const flip = inverted ? 65535 : 0;
    for (let i = 0; i < texels; i++) {
      // 65535 - s flips every bit of s.
      const found = output === null ? sample : convert(outputs[i * stride + output] ^ flip);
      samples[i * count + channel] = found;
    }
  });
  return samples;
}

function newSamples(record: MapRecord, length: number): Samples {
  if (record.sample === "uint8") return new Uint8Array(length);
  return record.sample === "uint16" ? new Uint16Array(length) : new Float32Array(length);
}

/** What makes a sample of a storage value. */
function converter(record: MapRecord): (value: number) => number {
  const { low, high, sample } = record;
  if (sample === "uint8") return (value) => Math.floor((value + 128) / 257);
  if (sample === "uint16") return (value) => value;
  const decode = curve(record.curve === "log", low, high);
  return sample === "half" ? (value) => toHalf(decode(value)) : decode;
}

function curve(log: boolean, low: number, high: number): (value: number) => number {
  if (!log) return (value) => low + (value / 65535) * (high - low);
  const exponent = Math.log2(1 + high - low);
  return (value) => low + 2 ** ((value / 65535) * exponent) - 1;
}

/** The closest number of 16 bits, the even one of two; of at most 65504. */
export function toHalf(value: number): number {
  // A half has 10 bits after its first one, and none below 2^-24.
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value) || 1)), -14);
  const step = 2 ** (exponent - 10);
  const steps = value / step;
  const down = Math.floor(steps);
  const rest = steps - down;
  const up = rest > 0.5 || (rest === 0.5 && down % 2 !== 0);
  return (up ? down + 1 : down) * step;
}
