/** Maps that were decoded before as textures of a material, as engines have them without us. */
import {
  DataTexture,
  LinearFilter,
  LinearMipmapLinearFilter,
  type MeshPhysicalNodeMaterial,
  NearestFilter,
  NoColorSpace,
  RepeatWrapping,
  SRGBColorSpace,
} from "three/webgpu";
import type { MapSamples } from "./samples.js";

const USUAL_PARTS = [255, 153, 0]; // bytes of ambient occlusion, roughness and metalness
const CUT = 0.5; // of opacity, as NTCMaterial has it

/** One channel, found by what it means. */
interface Found {
  samples: MapSamples;
  channel: number;
}

function findChannel(maps: MapSamples[], meaning: string): Found | undefined {
  for (const samples of maps) {
    const channel = samples.record.channels.findIndex((one) => one.meaning === meaning);
    if (channel >= 0) return { samples, channel };
  }
  return undefined;
}

/** A texture of up to four channels; those that no map has are of a constant byte. */
function textureOf(
  maps: MapSamples[],
  meanings: readonly string[],
  usual: readonly number[],
  nearest: boolean,
): DataTexture | null {
  const found = meanings.map((meaning) => findChannel(maps, meaning));
  const first = found.find((one) => one !== undefined);
  if (!first) return null;
  const { width, height, record } = first.samples;
  const bytes = new Uint8Array(4 * width * height);
  for (let k = 0; k < 4; k++) {
    const one = found[k];
    for (let i = 0; i < width * height; i++) {
      // The first row of an image is the top, that of a texture the bottom.
      const from = (height - 1 - Math.floor(i / width)) * width + (i % width);
      const value = one && one.samples.values[from * one.samples.channels + one.channel]!;
      const scale = one?.samples.top === 65535 ? 257 : 1;
      bytes[4 * i + k] = value === undefined ? (usual[k] ?? 255) : Math.round(value / scale);
    }
  }
  const texture = new DataTexture(bytes, width, height);
  texture.wrapS = texture.wrapT = RepeatWrapping;
  texture.colorSpace = record.color_space === "srgb" ? SRGBColorSpace : NoColorSpace;
  texture.magFilter = nearest ? NearestFilter : LinearFilter;
  texture.minFilter = nearest ? NearestFilter : LinearMipmapLinearFilter;
  texture.generateMipmaps = !nearest;
  texture.needsUpdate = true;
  return texture;
}

/** Trilinear, without anisotropy: what the filters of a decoder are to be like. */
export function wearImages(
  material: MeshPhysicalNodeMaterial,
  maps: MapSamples[],
  nearest: boolean,
): void {
  const read = (meanings: string[], usual: number[] = []): DataTexture | null =>
    textureOf(maps, meanings, usual, nearest);
  material.map = read(["albedo.r", "albedo.g", "albedo.b", "opacity"]);
  if (material.map) material.color.set(0xffffff);
  material.normalMap = read(["normal.x", "normal.y", "normal.z"], [128, 128, 255]);
  const parts = read(["ao", "roughness", "metalness"], USUAL_PARTS);
  material.aoMap = material.roughnessMap = material.metalnessMap = parts;
  if (parts) material.roughness = material.metalness = 1;
  material.emissiveMap = read(["emissive.r", "emissive.g", "emissive.b"]);
  if (material.emissiveMap) material.emissive.set(0xffffff);
  if (findChannel(maps, "opacity")) material.alphaTest = CUT;
}

function texturesOf(material: MeshPhysicalNodeMaterial): DataTexture[] {
  const { map, normalMap, aoMap, emissiveMap } = material;
  return [map, normalMap, aoMap, emissiveMap].filter((one) => one !== null) as DataTexture[];
}

/** Bytes of the textures on the device, with their mips where they have them. */
export function bytesOf(material: MeshPhysicalNodeMaterial): number {
  return texturesOf(material).reduce((sum, { image, generateMipmaps }) => {
    const bytes = 4 * image.width * image.height;
    return sum + (generateMipmaps ? Math.round((bytes * 4) / 3) : bytes);
  }, 0);
}

export function destroy(material: MeshPhysicalNodeMaterial): void {
  for (const texture of texturesOf(material)) texture.dispose();
  material.dispose();
}
