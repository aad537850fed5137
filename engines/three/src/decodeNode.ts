/** Nodes that call the generated decoder: `ntc_sample` once a fragment, and the outputs it gave. */
import { sampleShader } from "@ntc/web/shaders";
import { CodeNode, Node, type NodeBuilder } from "three/webgpu";
import { webglShader } from "./shaders.js";
import type { Words } from "./words.js";

/** What a NodeBuilder has and its types leave out. */
interface Builder {
  renderer: { backend: { isWebGLBackend?: boolean } };
  getNodeProperties(node: Node): Record<string, unknown>;
  getCodeFromNode(node: Node, type: string): { name: string; code: string };
  addLineFlowCode(code: string): void;
}

/** What one decode takes. All but the words may differ between the samples of one shader. */
export interface DecodeInputs {
  uv: Node<"vec2">;
  dx: Node<"vec2">;
  dy: Node<"vec2">;
  count: Node<"uint">;
  finest: Node<"float">;
  filter: Node<"uint">;
  random: Node<"vec3">;
}

/** The words that each shader which is being built reads: its library is there once. */
const READ = new WeakMap<object, Words>();

const inside = (builder: NodeBuilder): Builder => builder as unknown as Builder;

const isWebGL = (builder: NodeBuilder): boolean =>
  inside(builder).renderer.backend.isWebGLBackend === true;

/** One decode. Its value in a shader is the name of a global variable with all outputs. */
export class DecodeNode extends Node {
  readonly #words: Words;
  readonly #inputs: DecodeInputs;
  readonly #library = new CodeNode();

  constructor(words: Words, inputs: DecodeInputs) {
    super("NtcTexel");
    this.#words = words;
    this.#inputs = inputs;
  }

  override isCacheable(): boolean {
    return false;
  }

  override setup(builder: NodeBuilder): null {
    const words = isWebGL(builder) ? this.#words.textureNode() : this.#words.bufferNode();
    Object.assign(inside(builder).getNodeProperties(this), this.#inputs, { words });
    return null;
  }

  override generate(builder: NodeBuilder): string {
    const webgl = isWebGL(builder);
    this.#include(builder, webgl);
    const declared = inside(builder).getCodeFromNode(this, "code");
    const { name } = declared;
    declared.code = webgl ? `NtcTexel ${name};` : `var<private> ${name} : NtcTexel;`;
    const { uv, dx, dy, count, finest, filter, random } = this.#inputs;
    const material = `NtcMaterial( 0u, ${count.build(builder, "uint")} )`;
    const steps = `${dx.build(builder, "vec2")}, ${dy.build(builder, "vec2")}`;
    const lod = `max( ntc_lod( ${material}, ${steps} ), ${finest.build(builder, "float")} )`;
    const how = `${filter.build(builder, "uint")}, ${random.build(builder, "vec3")}`;
    const place = `${uv.build(builder, "vec2")}, ${lod}`;
    inside(builder).addLineFlowCode(`${name} = ntc_sample( ${material}, ${place}, ${how} )`);
    return name;
  }

  /** The library, once a shader: it reads its words by a global name. */
  #include(builder: NodeBuilder, webgl: boolean): void {
    const before = READ.get(builder);
    if (before === this.#words) return;
    if (before) throw new Error("a shader samples two .ntc files: give each a material of its own");
    READ.set(builder, this.#words);
    const words = webgl ? this.#words.textureNode() : this.#words.bufferNode();
    const name = words.build(builder, "property") as string;
    this.#library.code = webgl
      ? `#define NTC_WORDS ${name}\n${webglShader}`
      : sampleShader.replace(/@binding.*\n/, "").replaceAll("ntc_words[", `${name}[`);
    this.#library.build(builder, "void");
  }
}

/** One output of a decode, 0..1. */
export class OutputNode extends Node<"float"> {
  readonly #decode: DecodeNode;
  readonly #output: number;

  constructor(decode: DecodeNode, output: number) {
    super("float");
    this.#decode = decode;
    this.#output = output;
  }

  override setup(builder: NodeBuilder): null {
    inside(builder).getNodeProperties(this).decode = this.#decode;
    return null;
  }

  override generate(builder: NodeBuilder): string {
    return `ntc_channel( ${this.#decode.build(builder)}, ${this.#output}u )`;
  }
}
