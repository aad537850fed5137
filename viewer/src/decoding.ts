/** Decoding in this browser: a worker for what takes time, WebGPU where there is a device. */
import { GpuDecoder, type GpuMaterial, type MapRecord, mipSize, type NtcFile } from "@ntc/web";
import { describeSamples, gather, type MapSamples, newValues } from "./samples.js";
import type { Done, Opened, Wanted } from "./worker.js";

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render/i;
const BAND_BYTES = 1 << 26; // of the device at a time

/** One worker, for as many calls as there are. */
class Work {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, (done: Done) => void>();
  private calls = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<{ id: number; done: Done }>) => {
      this.waiting.get(data.id)?.(data.done);
      this.waiting.delete(data.id);
    };
    this.worker.onerror = () => {
      for (const tell of this.waiting.values()) tell({ failure: "the worker has failed" });
      this.waiting.clear();
    };
  }

  async call(wanted: Wanted): Promise<Done> {
    const id = this.calls++;
    const done = await new Promise<Done>((resolve) => {
      this.waiting.set(id, resolve);
      this.worker.postMessage({ id, wanted });
    });
    if (done.failure !== undefined) throw new Error(done.failure);
    return done;
  }
}

let work: Work | undefined;
const theWork = (): Work => (work ??= new Work());

/** A file and what it holds. Throws an Error with the rule that the bytes break. */
export async function openFile(bytes: ArrayBuffer): Promise<Opened> {
  return (await theWork().call({ kind: "open", bytes })).opened!;
}

/** All channels of a mip, on the processor: about 100,000 texels a second. */
export async function decodeOnProcessor(file: NtcFile, mip: number): Promise<Uint16Array> {
  return (await theWork().call({ kind: "decode", file, mip })).outputs!;
}

/** A map of a mip whose channels were decoded. */
export function mapOfOutputs(
  file: NtcFile,
  outputs: Uint16Array,
  record: MapRecord,
  mip: number,
): MapSamples {
  const [width, height] = mipSize(file.model, mip);
  const values = newValues(record, width * height);
  const sent =
    values instanceof Uint8Array ? outputs.map((v) => Math.floor((v + 128) / 257)) : outputs;
  const all = Array.from({ length: file.model.channels }, (_, i) => i);
  gather(record, sent, all, file.model.channels, values, 0);
  return describeSamples({ width, height, channels: record.channels.length, values }, record);
}

/** A device of this browser, with the decoder on it. */
export interface Gpu {
  decoder: GpuDecoder;
  name: string;
  /** The processor plays the device: slower than decoding on it. */
  software: boolean;
}

let gpu: Promise<Gpu | undefined> | undefined;

/** The device that decodes where nothing else is asked for, if there is one. */
export async function findFastGpu(): Promise<Gpu | undefined> {
  const found = await findGpu();
  return found?.software ? undefined : found;
}

/** Whether a shader that decodes is better than textures: where WebGL2 or WebGPU are no software. */
export async function drawsFast(): Promise<boolean> {
  const found = await findGpu();
  if (found) return !found.software;
  const context = document.createElement("canvas").getContext("webgl2");
  const about = context?.getExtension("WEBGL_debug_renderer_info");
  return !!about && !SOFTWARE.test(String(context?.getParameter(about.UNMASKED_RENDERER_WEBGL)));
}

/** The device, if there is one. */
export function findGpu(): Promise<Gpu | undefined> {
  gpu ??= openGpu().catch(() => undefined);
  return gpu;
}

async function openGpu(): Promise<Gpu | undefined> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return undefined;
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  const requiredLimits = { maxStorageBufferBindingSize, maxBufferSize };
  const device = await adapter.requestDevice({ requiredLimits });
  void device.lost.then(() => (gpu = Promise.resolve(undefined)));
  const { description, architecture, vendor, isFallbackAdapter } = adapter.info;
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "a device";
  const software = isFallbackAdapter || SOFTWARE.test(`${architecture} ${description}`);
  return { decoder: await GpuDecoder.create(device), name, software };
}

/** A map of a mip, on the device, in bands. */
export async function decodeOnGpu(
  { decoder }: Gpu,
  material: GpuMaterial,
  record: MapRecord,
  mip: number,
): Promise<MapSamples> {
  const [width, height] = mipSize(material.model, mip);
  const found = record.channels.flatMap(({ output }) => (output === null ? [] : [output]));
  const outputs = found.length ? [...new Set(found)] : [0];
  const values = newValues(record, width * height);
  const narrow = values instanceof Uint8Array;
  const type = narrow ? "u8" : "u16";
  const stride = narrow ? 4 * Math.ceil(outputs.length / 4) : 2 * Math.ceil(outputs.length / 2);
  const rows = Math.max(Math.floor(BAND_BYTES / (width * stride * values.BYTES_PER_ELEMENT)), 1);
  for (let y = 0; y < height; y += rows) {
    const rectangle = { x: 0, y, width, height: Math.min(rows, height - y) };
    const texels = decoder.decode(material, { mip, rectangle, channels: outputs, type });
    const bytes = await decoder.read(texels);
    texels.buffer.destroy();
    const sent = narrow ? new Uint8Array(bytes) : new Uint16Array(bytes);
    gather(record, sent, outputs, stride, values, y * width * record.channels.length);
  }
  return describeSamples({ width, height, channels: record.channels.length, values }, record);
}
