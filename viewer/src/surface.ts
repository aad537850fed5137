/** The material on a body under a light: loaded where it is asked for, since three.js is large. */
import {
  ACESFilmicToneMapping,
  BoxGeometry,
  type BufferGeometry,
  DataTexture,
  DirectionalLight,
  LinearFilter,
  LinearMipmapLinearFilter,
  Mesh,
  MeshStandardMaterial,
  NearestFilter,
  NoColorSpace,
  PerspectiveCamera,
  PlaneGeometry,
  PMREMGenerator,
  RepeatWrapping,
  Scene,
  SphereGeometry,
  SRGBColorSpace,
  WebGLRenderer,
} from "three";
import { RoomEnvironment } from "three/examples/jsm/environments/RoomEnvironment.js";
import type { MapSamples } from "./samples.js";
import type { Shape, State } from "./state.js";

const DISTANCE = 4;
const SOFTNESS = 0.04; // of the generated room's light
const ANISOTROPY = 16;

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
  filtered: boolean,
): DataTexture | undefined {
  const found = meanings.map((meaning) => findChannel(maps, meaning));
  const first = found.find((one) => one !== undefined);
  if (!first) return undefined;
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
  texture.magFilter = filtered ? LinearFilter : NearestFilter;
  texture.minFilter = filtered ? LinearMipmapLinearFilter : NearestFilter;
  texture.generateMipmaps = filtered;
  texture.anisotropy = filtered ? ANISOTROPY : 1;
  texture.needsUpdate = true;
  return texture;
}

function materialOf(maps: MapSamples[], filtered: boolean): MeshStandardMaterial {
  const color = textureOf(maps, ["albedo.r", "albedo.g", "albedo.b", "opacity"], [], filtered);
  const normal = textureOf(maps, ["normal.x", "normal.y", "normal.z"], [128, 128, 255], filtered);
  const parts = textureOf(maps, ["ao", "roughness", "metalness"], [255, 160, 0], filtered);
  const emissive = textureOf(maps, ["emissive.r", "emissive.g", "emissive.b"], [], filtered);
  return new MeshStandardMaterial({
    color: color ? 0xffffff : 0xb0b0b0,
    map: color ?? null,
    normalMap: normal ?? null,
    aoMap: parts ?? null,
    roughnessMap: parts ?? null,
    metalnessMap: parts ?? null,
    roughness: parts ? 1 : 0.6,
    metalness: parts ? 1 : 0,
    emissive: emissive ? 0xffffff : 0,
    emissiveMap: emissive ?? null,
    alphaTest: findChannel(maps, "opacity") ? 0.5 : 0,
  });
}

function geometryOf(shape: Shape): BufferGeometry {
  if (shape === "plane") return new PlaneGeometry(2.4, 2.4);
  if (shape === "cube") return new BoxGeometry(1.6, 1.6, 1.6);
  if (shape === "sphere") return new SphereGeometry(1.1, 96, 64);
  const cloth = new PlaneGeometry(2.6, 2.6, 96, 96);
  const places = cloth.getAttribute("position");
  for (let i = 0; i < places.count; i++) {
    const [x, y] = [places.getX(i), places.getY(i)];
    places.setZ(i, 0.18 * Math.sin(2.6 * x + 0.8 * y) + 0.1 * Math.sin(3.7 * y - 1.2 * x));
  }
  cloth.computeVertexNormals();
  return cloth;
}

/** One canvas that shows A and B on the same body, in the same light. */
export class Surface {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(38, 1, 0.1, 20);
  private readonly light = new DirectionalLight(0xffffff, 2.2);
  private readonly mesh = new Mesh();
  private materials: [MeshStandardMaterial, MeshStandardMaterial] | undefined;
  private shape: Shape | undefined;

  constructor(readonly canvas: HTMLCanvasElement) {
    this.renderer = new WebGLRenderer({
      canvas,
      alpha: true,
      antialias: true,
      preserveDrawingBuffer: true, // to be read after it was drawn
    });
    this.renderer.toneMapping = ACESFilmicToneMapping;
    const room = new PMREMGenerator(this.renderer);
    this.scene.environment = room.fromScene(new RoomEnvironment(), SOFTNESS).texture;
    this.scene.add(this.mesh, this.light);
  }

  /** Bytes that the textures take on the device, with their mips where they have them. */
  fill(a: MapSamples[], b: MapSamples[], filtered: boolean): number {
    for (const old of this.materials ?? []) destroy(old);
    this.materials = [materialOf(a, filtered), materialOf(b, filtered)];
    const bytes = texturesOf(this.materials[1]).reduce(
      (sum, { image }) => sum + 4 * image.width * image.height,
      0,
    );
    return filtered ? Math.round((bytes * 4) / 3) : bytes;
  }

  draw(state: State, width: number, height: number): void {
    if (!this.materials) return;
    if (this.shape !== state.shape) {
      this.mesh.geometry.dispose();
      this.mesh.geometry = geometryOf(state.shape);
      this.shape = state.shape;
    }
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.position.z = DISTANCE;
    this.camera.updateProjectionMatrix();
    this.mesh.rotation.set((state.tilt * Math.PI) / 180, (state.turn * Math.PI) / 180, 0);
    const around = (state.light * Math.PI) / 180;
    this.light.position.set(2 * Math.cos(around), 2 * Math.sin(around), 2);
    const at = Math.round(state.split * width);
    this.renderer.setScissorTest(true);
    const [a, b] = this.materials;
    this.part(a, 0, at, height);
    this.part(b, at, width - at, height);
  }

  private part(material: MeshStandardMaterial, x: number, width: number, height: number): void {
    if (width < 1) return;
    this.mesh.material = material;
    this.renderer.setScissor(x, 0, width, height);
    this.renderer.render(this.scene, this.camera);
  }
}

function texturesOf(material: MeshStandardMaterial): DataTexture[] {
  const { map, normalMap, aoMap, emissiveMap } = material;
  return [map, normalMap, aoMap, emissiveMap].filter((one) => one !== null) as DataTexture[];
}

function destroy(material: MeshStandardMaterial): void {
  for (const texture of texturesOf(material)) texture.dispose();
  material.dispose();
}
