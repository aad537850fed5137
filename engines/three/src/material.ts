/** A material whose maps are those of a file. */
import {
  float,
  materialColor,
  materialEmissive,
  materialMetalness,
  materialReference,
  materialRoughness,
  normalMap,
  uv,
  vec2,
  vec3,
  vec4,
} from "three/tsl";
import { MeshPhysicalNodeMaterial, type Node } from "three/webgpu";
import type { NTCSample, NTCTextures } from "./textures.js";

/** Cut at half where a file has opacity, as glTF does: set `transparent` instead for glass. */
const ALPHA_TEST = 0.5;

/** What a material reads, each linear and 0..1; a material keeps its own value for what is not there. */
export interface Slots {
  color?: Node<"vec3"> | undefined;
  opacity?: Node<"float"> | undefined;
  normal?: Node<"vec3"> | undefined;
  ao?: Node<"float"> | undefined;
  roughness?: Node<"float"> | undefined;
  metalness?: Node<"float"> | undefined;
  emissive?: Node<"vec3"> | undefined;
}

export interface NTCMaterialOptions {
  /** Whether v = 1 of the mesh is the first row of the images (true), as TextureLoader has it. */
  flipY?: boolean;
}

/** Decodes once a fragment. Its own properties are factors, as they are of textures. */
export class NTCMaterial extends MeshPhysicalNodeMaterial {
  textures: NTCTextures | null = null;

  constructor(textures?: NTCTextures, options: NTCMaterialOptions = {}) {
    super();
    if (!textures) return;
    this.textures = textures;
    const { flipY = true } = options;
    const slots = slotsOf(textures.sample(flipY ? vec2(uv().x, uv().y.oneMinus()) : uv()));
    if (slots.metalness) this.metalness = 1;
    if (slots.emissive) this.emissive.set(1, 1, 1);
    if (slots.opacity) this.alphaTest = ALPHA_TEST;
    this.wear(slots);
  }

  /** Replaces what these slots read. */
  wear(slots: Slots): void {
    const { color, opacity, normal, ao, roughness, metalness, emissive } = slots;
    if (color || opacity) {
      const factor = vec3(materialColor);
      this.colorNode = vec4(color ? factor.mul(color) : factor, opacity ?? float(1));
    }
    if (normal) this.normalNode = normalMap(normal, materialReference("normalScale", "vec2"));
    if (ao) {
      const intensity = materialReference("aoMapIntensity", "float") as Node as Node<"float">;
      this.aoNode = ao.sub(1).mul(intensity).add(1);
    }
    if (roughness) this.roughnessNode = materialRoughness.mul(roughness);
    if (metalness) this.metalnessNode = materialMetalness.mul(metalness);
    if (emissive) this.emissiveNode = materialEmissive.mul(emissive);
  }

  /** Frees what is on the GPU, its textures too, until it is drawn again. */
  override dispose(): void {
    super.dispose();
    this.textures?.dispose();
  }
}

/** What the maps of a file are for. */
function slotsOf(sample: NTCSample): Slots {
  const [albedo, normal, emissive] = [
    sample.map("albedo"),
    sample.map("normal"),
    sample.map("emissive"),
  ];
  return {
    color: albedo && sample.color(albedo),
    opacity: sample.meaning("opacity"),
    normal: normal && sample.normal(normal),
    ao: sample.meaning("ao"),
    roughness: sample.meaning("roughness"),
    metalness: sample.meaning("metalness"),
    emissive: emissive && sample.color(emissive),
  };
}
