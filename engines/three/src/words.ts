/** The words of a material where shaders read them. */
import { storage, texture, vec2 } from "three/tsl";
import {
  DataTexture,
  type Node,
  RGBAIntegerFormat,
  StorageBufferAttribute,
  type StorageBufferNode,
  type TextureNode,
  UnsignedIntType,
} from "three/webgpu";

/** Texels in a row of the texture, of four words each: as shaders/generated/ntc.essl has it. */
const ROW = 2048;

/** A storage buffer for WebGPU and a texture for WebGL2, each made when it is first asked for. */
export class Words {
  #words: Uint32Array;
  #buffer: StorageBufferNode<"uint"> | undefined;
  #texture: TextureNode | undefined;

  constructor(words: Uint32Array) {
    this.#words = words;
  }

  get count(): number {
    return this.#words.length;
  }

  /** On the GPU; a texture has whole rows. */
  get bytes(): number {
    const rows = this.#texture ? paddedTo(this.count, 4 * ROW) : this.count;
    return 4 * rows;
  }

  bufferNode(): Node {
    this.#buffer ??= storage(this.#attribute(), "uint", this.count).toReadOnly();
    return this.#buffer;
  }

  textureNode(): Node {
    this.#texture ??= texture(this.#data(), vec2(0));
    return this.#texture;
  }

  /** Other words, in memory of their own. */
  replace(words: Uint32Array): void {
    this.dispose();
    this.#words = words;
    if (this.#buffer) this.#buffer.value = this.#attribute();
    if (this.#texture) this.#texture.value = this.#data();
  }

  /** Frees what is on the GPU, until it is drawn again. */
  dispose(): void {
    this.#buffer?.value.dispose();
    this.#texture?.value.dispose();
  }

  #attribute(): StorageBufferAttribute {
    return new StorageBufferAttribute(this.#words, 1);
  }

  #data(): DataTexture {
    const whole = new Uint32Array(paddedTo(this.count, 4 * ROW));
    whole.set(this.#words);
    const rows = whole.length / (4 * ROW);
    const found = new DataTexture(whole, ROW, rows, RGBAIntegerFormat, UnsignedIntType);
    found.needsUpdate = true;
    return found;
  }
}

function paddedTo(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
