/** The decoder on WebGPU: shaders/README.md, "`ntc_decode`: what is bound". */
import { type Rectangle, rectangleOf } from "./decode.js";
import type { Model } from "./model.js";
import type { NtcFile } from "./open.js";
import { decodeShader } from "./shaders.js";
import { gpuWords } from "./words.js";

const JOB_WORDS = 32;
const GROUP_THREADS = 64;
const GROUPS_IN_ROW = 65535;

/** Bits of `GPUBufferUsage` and `GPUMapMode`, which the types of TypeScript leave out. */
const MAP_READ = 1;
const COPY_SRC = 4;
const COPY_DST = 8;
const STORAGE = 128;
const READ = 1;

/** Numbers of the shader for what it writes, and their bytes. */
const TYPES = {
  u8: { number: 0, bytes: 1 },
  u16: { number: 1, bytes: 2 },
  half: { number: 2, bytes: 2 },
  float: { number: 3, bytes: 4 },
} as const;

/** A material in a storage buffer. To be destroyed by who uploaded it. */
export interface GpuMaterial {
  model: Model;
  words: GPUBuffer;
}

export interface GpuRequest {
  mip: number;
  /** The whole mip without it. */
  rectangle?: Rectangle;
  /** Numbers of outputs, in any order; all of them without it. */
  channels?: number[];
  /** 0..1 for `half` and `float`; storage values, rounded to 8 bits for `u8`, otherwise. */
  type?: keyof typeof TYPES;
}

/** Texels row by row, each at whole words. To be destroyed by who asked for it. */
export interface GpuTexels {
  buffer: GPUBuffer;
  rectangle: Rectangle;
  bytesPerTexel: number;
}

/** Decodes on a device that is the caller's. */
export class GpuDecoder {
  private constructor(
    readonly device: GPUDevice,
    private readonly pipeline: GPUComputePipeline,
    private readonly noList: GPUBuffer,
  ) {}

  static async create(device: GPUDevice): Promise<GpuDecoder> {
    const module = device.createShaderModule({ code: decodeShader });
    const compute = { module, entryPoint: "ntc_decode" };
    const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute });
    return new GpuDecoder(device, pipeline, filled(device, new Uint32Array(4)));
  }

  /** Frees what is the decoder's own. */
  destroy(): void {
    this.noList.destroy();
  }

  upload(file: NtcFile): GpuMaterial {
    const words = gpuWords(file);
    this.checkSize(words.byteLength, "the material");
    return { model: file.model, words: filled(this.device, words) };
  }

  /** Submits a decode into a new buffer. Throws RangeError for what does not exist or fit. */
  decode(material: GpuMaterial, request: GpuRequest): GpuTexels {
    const { device } = this;
    const { model } = material;
    const rectangle = rectangleOf(model, request.mip, request.rectangle);
    const channels = request.channels ?? Array.from({ length: model.channels }, (_, i) => i);
    checkChannels(model, channels);
    const type = TYPES[request.type ?? "u16"];
    const bytesPerTexel = 4 * Math.ceil((channels.length * type.bytes) / 4);
    const texels = rectangle.width * rectangle.height;
    this.checkSize(texels * bytesPerTexel, "the output");
    const usage = STORAGE | COPY_SRC;
    const buffer = device.createBuffer({ size: texels * bytesPerTexel, usage });
    const { x, y, width, height } = rectangle;
    const job = new Uint32Array(JOB_WORDS);
    job.set([0, material.words.size / 4, 0, request.mip, x, y, width, height]);
    job.set([0, type.number, channels.length, 0], 8);
    new Uint8Array(job.buffer, 48).set(channels);
    const jobBuffer = filled(device, job);
    this.submit([material.words, jobBuffer, this.noList, buffer], texels);
    jobBuffer.destroy();
    return { buffer, rectangle, bytesPerTexel };
  }

  /** What `decodeRectangle` gives, from the device; in bands where one buffer would not do. */
  async decodeRectangle(
    material: GpuMaterial,
    mip: number,
    rectangle?: Rectangle,
  ): Promise<Uint16Array> {
    const { x, y, width, height } = rectangleOf(material.model, mip, rectangle);
    const { channels } = material.model;
    const out = new Uint16Array(width * height * channels);
    const rowBytes = width * 4 * Math.ceil(channels / 2);
    const rows = Math.max(Math.floor(this.mostBytes() / rowBytes), 1);
    for (let top = 0; top < height; top += rows) {
      const band = { x, y: y + top, width, height: Math.min(rows, height - top) };
      const texels = this.decode(material, { mip, rectangle: band });
      unpad(new Uint16Array(await this.read(texels)), channels, out, top * width * channels);
      texels.buffer.destroy();
    }
    return out;
  }

  /** A copy of the bytes of decoded texels. */
  async read(texels: GpuTexels): Promise<ArrayBuffer> {
    const { size } = texels.buffer;
    const usage = MAP_READ | COPY_DST;
    const copy = this.device.createBuffer({ size, usage });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(texels.buffer, 0, copy, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await copy.mapAsync(READ);
    const bytes = copy.getMappedRange().slice(0);
    copy.destroy();
    return bytes;
  }

  private submit(buffers: GPUBuffer[], texels: number): void {
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const layout = this.pipeline.getBindGroupLayout(0);
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.pipeline);
    pass.setBindGroup(0, this.device.createBindGroup({ layout, entries }));
    const groups = Math.ceil(texels / GROUP_THREADS);
    pass.dispatchWorkgroups(Math.min(groups, GROUPS_IN_ROW), Math.ceil(groups / GROUPS_IN_ROW));
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  private mostBytes(): number {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.device.limits;
    return Math.min(maxStorageBufferBindingSize, maxBufferSize);
  }

  private checkSize(bytes: number, what: string): void {
    if (bytes > this.mostBytes()) {
      const limit = `at most ${this.mostBytes()}; ask the adapter for higher limits`;
      throw new RangeError(`${what} takes ${bytes} bytes, and this device binds ${limit}`);
    }
  }
}

function checkChannels(model: Model, channels: number[]): void {
  const legal = (n: number): boolean => Number.isInteger(n) && n >= 0 && n < model.channels;
  if (channels.length < 1 || channels.length > 32 || !channels.every(legal)) {
    const told = `channels ${channels.join(", ")}`;
    throw new RangeError(`${told}: name 1..32 of the channels 0..${model.channels - 1}`);
  }
}

function filled(device: GPUDevice, words: Uint32Array): GPUBuffer {
  const usage = STORAGE;
  const buffer = device.createBuffer({ size: words.byteLength, usage, mappedAtCreation: true });
  new Uint32Array(buffer.getMappedRange()).set(words);
  buffer.unmap();
  return buffer;
}

/** Texels of whole words to texels without gaps. */
function unpad(padded: Uint16Array, channels: number, out: Uint16Array, at: number): void {
  const stride = 2 * Math.ceil(channels / 2);
  for (let from = 0; from < padded.length; from += stride, at += channels) {
    for (let c = 0; c < channels; c++) out[at + c] = padded[from + c];
  }
}
