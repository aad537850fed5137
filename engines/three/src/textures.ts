/** A file on the GPU, and what its maps are to a shader. */
import { type Channel, gpuWords, type MapRecord, type NtcFile } from "@ntc/web";
import {
  colorSpaceToWorking,
  exp2,
  float,
  frameId,
  hash,
  screenCoordinate,
  uint,
  uniform,
  vec3,
} from "three/tsl";
import { EventDispatcher, type Node, SRGBColorSpace } from "three/webgpu";
import { DecodeNode, OutputNode } from "./decodeNode.js";
import { Words } from "./words.js";

/** How texels are filtered, by the numbers of the shader: shaders/README.md, "Filters". */
const FILTERS = ["texel", "filtered", "exact", "stochastic"] as const;
export type NTCFilter = (typeof FILTERS)[number];

export interface NTCTexturesEvents {
  /** More of the file has arrived. */
  update: object;
  /** The rest of the file cannot be had; what has arrived stays. */
  error: { error: unknown };
}

/** A file that has been opened, on the GPU once it is drawn. Many materials may sample it. */
export class NTCTextures extends EventDispatcher<NTCTexturesEvents> {
  /** Resolves when samples are as fine as they will be. Rejects as the event `error` says. */
  readonly complete: Promise<void>;
  readonly #words: Words;
  readonly #count = uniform(0, "uint");
  readonly #finest = uniform(0, "float");
  readonly #filter = uniform(0, "uint");
  #file: NtcFile;
  #disposed = false;

  /** `more` are the same file as more of it arrives. */
  constructor(file: NtcFile, more?: AsyncIterable<NtcFile>) {
    super();
    this.#file = file;
    this.#words = new Words(gpuWords(file));
    this.#tell();
    this.filter = file.metadata.fit.filtering === "filtered" ? "filtered" : "exact";
    this.complete = more ? this.#follow(more) : Promise.resolve();
    this.complete.catch((error: unknown) => this.dispatchEvent({ type: "error", error }));
  }

  /** Model and metadata, of as much as has arrived. */
  get file(): NtcFile {
    return this.#file;
  }

  /** Samples are no finer than this mip: 0 when the file is complete. */
  get finestMip(): number {
    return this.#file.finestMip;
  }

  get gpuBytes(): number {
    return this.#words.bytes;
  }

  /** May be changed at any time: shaders stay as they are. */
  get filter(): NTCFilter {
    return FILTERS[this.#filter.value];
  }

  set filter(filter: NTCFilter) {
    const number = FILTERS.indexOf(filter);
    if (number < 0) throw new RangeError(`filter ${filter}: there are ${FILTERS.join(", ")}`);
    this.#filter.value = number;
  }

  /** One decode a fragment, whatever is read of it; `uv` is 0, 0 where the first row begins. */
  sample(uv: Node<"vec2">): NTCSample {
    const decode = new DecodeNode(this.#words, {
      uv,
      dx: uv.dFdx(),
      dy: uv.dFdy(),
      count: this.#count,
      finest: this.#finest,
      filter: this.#filter,
      random: randomOfPixel(),
    });
    return new NTCSample(this.#file, decode);
  }

  /** Frees what is on the GPU, until it is drawn again, and asks for no more of the file. */
  dispose(): void {
    this.#disposed = true;
    this.#words.dispose();
  }

  async #follow(more: AsyncIterable<NtcFile>): Promise<void> {
    for await (const file of more) {
      if (this.#disposed) return;
      this.#file = file;
      this.#words.replace(gpuWords(file));
      this.#tell();
      this.dispatchEvent({ type: "update" });
    }
  }

  #tell(): void {
    this.#count.value = this.#words.count;
    this.#finest.value = this.#file.finestMip;
  }
}

/** The maps of a file at one place. */
export class NTCSample {
  readonly #file: NtcFile;
  readonly #decode: DecodeNode;

  constructor(file: NtcFile, decode: DecodeNode) {
    this.#file = file;
    this.#decode = decode;
  }

  /** An output of the decoder, 0..1. */
  output(index: number): Node<"float"> {
    return new OutputNode(this.#decode, index);
  }

  /** The first map for this. */
  map(semantic: MapRecord["semantic"]): MapRecord | undefined {
    return this.#file.metadata.maps.find((map) => map.semantic === semantic);
  }

  /** A channel as its image has it: 0..1 of maps of whole numbers. */
  channel(map: MapRecord, index: number): Node<"float"> {
    const { output, constant, inverted } = map.channels[index];
    if (output === null) return float(Number(constant) / HIGHEST[map.sample]);
    const stored = this.output(output);
    return fromStorage(map, inverted ? stored.oneMinus() : stored);
  }

  /** A channel as materials want it: green of normals points up, roughness is no glossiness. */
  value(map: MapRecord, index: number): Node<"float"> {
    const found = this.channel(map, index);
    return map.channels[index].inverted ? found.oneMinus() : found;
  }

  /** The value of the first channel that means `name`, such as `roughness`, in any map. */
  meaning(name: string): Node<"float"> | undefined {
    const means = ({ meaning }: Channel): boolean => meaning === name || meaning === `${name}.r`;
    const map = this.#file.metadata.maps.find(({ channels }) => channels.some(means));
    return map && this.value(map, map.channels.findIndex(means));
  }

  /** Red, green and blue, linear in light; of a map with one or two channels, its first as grey. */
  color(map: MapRecord, encoded = map.color_space === "srgb"): Node<"vec3"> {
    const [red, green, blue] = map.channels.length < 3 ? [0, 0, 0] : [0, 1, 2];
    const found = vec3(this.value(map, red), this.value(map, green), this.value(map, blue));
    if (!encoded) return found;
    return vec3(colorSpaceToWorking(found, SRGBColorSpace));
  }

  /** As normal maps have it, 0..1. Where a map has x and y alone, z is what makes the length 1. */
  normal(map: MapRecord): Node<"vec3"> {
    if (map.channels.length < 2) return vec3(this.value(map, 0));
    const [x, y] = [this.value(map, 0), this.value(map, 1)];
    if (map.channels.length > 2) return vec3(x, y, this.value(map, 2));
    const squares = [x, y].map((axis) => axis.mul(2).sub(1)).map((axis) => axis.mul(axis));
    const z = float(1).sub(squares[0]).sub(squares[1]).max(0).sqrt();
    return vec3(x, y, z.mul(0.5).add(0.5));
  }
}

const HIGHEST: Record<MapRecord["sample"], number> = {
  uint8: 255,
  uint16: 65535,
  half: 1,
  float: 1,
};

/** Chapter 9 of docs/format.md. */
function fromStorage(map: MapRecord, stored: Node<"float">): Node<"float"> {
  const { low, high, curve, sample } = map;
  if (sample === "uint8" || sample === "uint16") return stored;
  if (curve === "linear") return stored.mul(high - low).add(low);
  return exp2(stored.mul(Math.log2(1 + high - low))).add(low - 1);
}

/** Three numbers of at least 0 and below 1, new ones for each pixel and frame. */
function randomOfPixel(): Node<"vec3"> {
  const { x, y } = screenCoordinate;
  const pixel = uint(x).add(uint(y).mul(1 << 14));
  const seed = pixel.add(frameId.mul(2654435769));
  const three = [0, 1, 2].map((i) => hash(seed.bitXor(uint(i * 0x2545f491))));
  return vec3(three[0], three[1], three[2]);
}
