export { decodeRectangle, decodeSamples, decodeTexels, type Rectangle } from "./decode.js";
export { describe, type LevelReport, type Report } from "./describe.js";
export { NtcError } from "./errors.js";
export { GpuDecoder, type GpuMaterial, type GpuRequest, type GpuTexels } from "./gpu.js";
export { type MapImage, mapsOf, type Samples } from "./maps.js";
export type {
  Channel,
  ColorSpace,
  Curve,
  Filtering,
  FitRecord,
  MapRecord,
  Metadata,
  NormalConvention,
  Quality,
  Sample,
  Semantic,
} from "./metadata.js";
export { type Layer, type Level, mipSize, type Model } from "./model.js";
export { type NtcFile, openNtc, type OpenOptions } from "./open.js";
export { gpuWords } from "./words.js";
