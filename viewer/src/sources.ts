/** Where the samples of an entry come from: this browser's device, its processor, or the server. */
import type { GpuMaterial, MapRecord, NtcFile } from "@ntc/web";
import * as api from "./api.js";
import {
  decodeOnGpu,
  decodeOnProcessor,
  drawsFast,
  findFastGpu,
  findGpu,
  type Gpu,
  mapOfOutputs,
  openFile,
} from "./decoding.js";
import { describeSamples, type MapSamples } from "./samples.js";
import type { DecoderName } from "./state.js";
import type { Worn } from "./surface.js";

const KEPT = 12; // maps that are kept, to flip between them

/** What has been asked for lately, so that it is asked for once. */
class Kept {
  private readonly found = new Map<string, Promise<MapSamples>>();

  get(key: string, make: () => Promise<MapSamples>): Promise<MapSamples> {
    const known = this.found.get(key) ?? make();
    this.found.delete(key);
    this.found.set(key, known);
    known.catch(() => this.found.delete(key));
    const [oldest] = this.found.keys();
    if (this.found.size > KEPT && oldest !== undefined) this.found.delete(oldest);
    return known;
  }
}

/** The maps of one entry. */
export class Source {
  /** Who decodes, for the screen. */
  by = "";
  private readonly kept = new Kept();
  private opened: Promise<NtcFile> | undefined;
  /** All channels of the mip that the processor decoded last. */
  private decoded: { mip: number; outputs: Promise<Uint16Array> } | undefined;
  private uploaded: GpuMaterial | undefined;
  private described: Promise<api.MapsReport> | undefined;

  /** An item of the server, or a file that was dropped onto the page. */
  constructor(
    private readonly item: api.SessionItem | undefined,
    file?: NtcFile,
  ) {
    if (file) this.opened = Promise.resolve(file);
  }

  maps(): Promise<api.MapsReport> {
    this.described ??= this.item ? api.maps(this.item.number) : this.ownMaps();
    return this.described;
  }

  samples(record: MapRecord, mip: number, wanted: DecoderName): Promise<MapSamples> {
    return this.kept.get(`${wanted} ${mip} ${record.name}`, () => this.read(record, mip, wanted));
  }

  /** For a body: the file itself where there is one, else all maps of a mip. */
  async worn(mip: number, wanted: DecoderName): Promise<Worn> {
    const slow = wanted === "server" || (wanted === "auto" && !(await drawsFast()));
    if (!this.item || (this.item.kind === "ntc" && !slow)) return this.file();
    const { maps } = await this.maps();
    return Promise.all(maps.map((record) => this.samples(record, mip, wanted)));
  }

  private async ownMaps(): Promise<api.MapsReport> {
    const { model, metadata } = await this.file();
    const { width, height, mips } = model;
    return { width, height, mips, maps: metadata.maps };
  }

  private file(): Promise<NtcFile> {
    this.opened ??= api
      .fileBytes(this.item!.number)
      .then(openFile)
      .then(({ file }) => file);
    return this.opened;
  }

  private async read(record: MapRecord, mip: number, wanted: DecoderName): Promise<MapSamples> {
    if (this.item && this.item.kind !== "ntc") {
      return this.fromServer(record, mip, `${this.item.kind}, as the server reads them`);
    }
    const gpu = await deviceFor(wanted);
    if (gpu) {
      try {
        const file = await this.file();
        this.uploaded ??= gpu.decoder.upload(file);
        const found = await decodeOnGpu(gpu, this.uploaded, record, mip);
        this.by = `decoded in this browser by WebGPU on ${gpu.name}`;
        return found;
      } catch (error) {
        if (wanted === "webgpu") throw error;
      }
    }
    if (wanted === "webgpu") throw new Error("this browser has no WebGPU: use decoder=auto");
    if (this.item && wanted !== "browser") {
      const why = wanted === "server" ? "" : `: ${await noGpu()}`;
      return this.fromServer(record, mip, `decoded by the server${why}`);
    }
    const file = await this.file();
    if (this.decoded?.mip !== mip) this.decoded = { mip, outputs: decodeOnProcessor(file, mip) };
    const found = mapOfOutputs(file, await this.decoded.outputs, record, mip);
    this.by = "decoded in this browser on the processor";
    return found;
  }

  private async fromServer(record: MapRecord, mip: number, by: string): Promise<MapSamples> {
    if (!this.item) throw new Error("a dropped file is not on the server: use decoder=auto");
    const sent = await api.mapSamples(this.item.number, record.name, mip);
    this.by = by;
    return describeSamples(sent, record);
  }
}

async function deviceFor(wanted: DecoderName): Promise<Gpu | undefined> {
  if (wanted === "webgpu") return findGpu();
  return wanted === "auto" ? findFastGpu() : undefined;
}

/** Why the device of this browser has not decoded. */
async function noGpu(): Promise<string> {
  const found = await findGpu();
  if (found?.software) return `WebGPU here is ${found.name}, in software`;
  return found ? "WebGPU could not" : "this browser has no WebGPU";
}
