/** The material on a body under a light: loaded where it is asked for, since three.js is large. */
import { NTCMaterial, NTCTextures } from "@ntc/three";
import type { NtcFile } from "@ntc/web";
import { RoomEnvironment } from "three/examples/jsm/environments/RoomEnvironment.js";
import { screenCoordinate, uniform } from "three/tsl";
import {
  ACESFilmicToneMapping,
  BoxGeometry,
  type BufferGeometry,
  DirectionalLight,
  Mesh,
  MeshPhysicalNodeMaterial,
  PerspectiveCamera,
  PlaneGeometry,
  PMREMGenerator,
  Scene,
  SphereGeometry,
  WebGPURenderer,
} from "three/webgpu";
import { bytesText } from "./numbers.js";
import type { MapSamples } from "./samples.js";
import type { Filter, Shape, State } from "./state.js";
import { bytesOf, destroy, wearImages } from "./textures.js";
import type { Size } from "./view.js";

const SOFTNESS = 0.04; // of the generated room's light
const GREY = 0xb0b0b0; // of a material that has no colour
const ROUGHNESS = 0.6; // of one that has none

/** A file, which the shader decodes, or all maps of a mip, which become textures. */
export type Worn = NtcFile | MapSamples[];

/** What the backend of WebGPU has, and its types leave out. */
interface WithDevice {
  device: { queue: { onSubmittedWorkDone(): Promise<void> } };
}

/** A or B on its body. */
interface Side {
  worn: Worn;
  nearest: boolean;
  material: MeshPhysicalNodeMaterial;
  /** Of a file: what decodes it, and how it is filtered where nothing else is wished. */
  textures: NTCTextures | undefined;
  usual: Filter;
}

/** A body; those that are flat have the sides of the material, as texels are square. */
function geometryOf(shape: Shape, size: Size): BufferGeometry {
  const longest = Math.max(size.width, size.height);
  const [across, down] = [size.width / longest, size.height / longest];
  if (shape === "plane") return new PlaneGeometry(2.4 * across, 2.4 * down);
  if (shape === "cube") return new BoxGeometry(1.6, 1.6, 1.6);
  if (shape === "sphere") return new SphereGeometry(1.1, 96, 64);
  const cloth = new PlaneGeometry(2.6 * across, 2.6 * down, 96, 96);
  const places = cloth.getAttribute("position");
  for (let i = 0; i < places.count; i++) {
    const [x, y] = [places.getX(i), places.getY(i)];
    places.setZ(i, 0.18 * Math.sin(2.6 * x + 0.8 * y) + 0.1 * Math.sin(3.7 * y - 1.2 * x));
  }
  cloth.computeVertexNormals();
  return cloth;
}

function sideOf(worn: Worn, filter: Filter): Side {
  const nearest = filter === "texel";
  if (Array.isArray(worn)) {
    const material = new MeshPhysicalNodeMaterial({ color: GREY, roughness: ROUGHNESS });
    wearImages(material, worn, nearest);
    return { worn, nearest, material, textures: undefined, usual: "filtered" };
  }
  const textures = new NTCTextures(worn);
  const material = new NTCMaterial(textures);
  if (!material.colorNode) material.color.set(GREY);
  if (!material.roughnessNode) material.roughness = ROUGHNESS;
  return { worn, nearest, material, textures, usual: textures.filter };
}

const sameWorn = (one: Worn, other: Worn): boolean =>
  one === other ||
  (Array.isArray(one) &&
    Array.isArray(other) &&
    one.length === other.length &&
    one.every((samples, i) => samples === other[i]));

/** One canvas that shows A and B on the same body, in the same light. */
export class Surface {
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(38, 1, 0.1, 60);
  private readonly light = new DirectionalLight(0xffffff, 2.2);
  private readonly meshes = [new Mesh(), new Mesh()] as const;
  private readonly split = uniform(0);
  private sides: [Side, Side] | undefined;
  private shape = "";

  /** Throws an Error without WebGPU and without WebGL2. */
  static async create(canvas: HTMLCanvasElement): Promise<Surface> {
    const renderer = new WebGPURenderer({ canvas, antialias: true, trackTimestamp: true });
    await renderer.init().catch((error: unknown) => {
      throw new Error(`bodies need WebGPU or WebGL2, and this browser gives neither (${error})`);
    });
    const surface = new Surface(renderer);
    await surface.finished(); // its environment is no part of a picture's time
    return surface;
  }

  private constructor(private readonly renderer: WebGPURenderer) {
    renderer.toneMapping = ACESFilmicToneMapping;
    const room = new PMREMGenerator(renderer);
    this.scene.environment = room.fromScene(new RoomEnvironment(), SOFTNESS).texture;
    this.scene.add(...this.meshes, this.light);
  }

  get backend(): string {
    return "isWebGPUBackend" in this.renderer.backend ? "WebGPU" : "WebGL2";
  }

  /** Puts A and B on; what is worn already stays. */
  wear(a: Worn, b: Worn, filter: Filter): void {
    const [first, second] = this.sides ?? [];
    this.sides = [this.changed(first, a, filter), this.changed(second, b, filter)];
    const [left, right] = this.sides;
    left.material.maskNode = screenCoordinate.x.lessThan(this.split);
    right.material.maskNode = screenCoordinate.x.greaterThanEqual(this.split);
    this.sides.forEach((side, i) => {
      this.meshes[i]!.material = side.material;
      const wanted = filter === "auto" ? side.usual : filter;
      if (side.textures && wanted !== "auto") side.textures.filter = wanted;
    });
  }

  private changed(side: Side | undefined, worn: Worn, filter: Filter): Side {
    const kept = side && sameWorn(side.worn, worn);
    if (kept && (side.textures || side.nearest === (filter === "texel"))) return side;
    if (side) destroy(side.material);
    return sideOf(worn, filter);
  }

  /** What A and B take on the device, and how they are read. */
  told(): string[] {
    return (this.sides ?? []).map(({ textures, material, nearest }) => {
      const bytes = textures ? textures.gpuBytes : bytesOf(material);
      const how = textures
        ? `decoded as it is drawn, ${textures.filter}`
        : `textures, ${nearest ? "texel" : "filtered"}`;
      return `${bytesText(bytes)}, ${how}`;
    });
  }

  draw(state: State, size: Size, width: number, height: number): void {
    if (!this.sides) return;
    const shape = `${state.shape} ${size.width} ${size.height}`;
    if (this.shape !== shape) {
      const geometry = geometryOf(state.shape, size);
      this.meshes[0].geometry.dispose();
      for (const mesh of this.meshes) mesh.geometry = geometry;
      this.shape = shape;
    }
    const { domElement } = this.renderer;
    if (domElement.width !== width || domElement.height !== height) {
      this.renderer.setSize(width, height, false);
    }
    this.camera.aspect = width / height;
    this.camera.position.z = state.distance;
    this.camera.updateProjectionMatrix();
    for (const mesh of this.meshes) {
      mesh.rotation.set((state.tilt * Math.PI) / 180, (state.turn * Math.PI) / 180, 0);
    }
    const around = (state.light * Math.PI) / 180;
    this.light.position.set(2 * Math.cos(around), 2 * Math.sin(around), 2);
    this.split.value = Math.round(state.split * width);
    this.renderer.render(this.scene, this.camera);
  }

  /** Waits for what was drawn: its milliseconds by the clock of the device, if that has one. */
  async finished(): Promise<number | undefined> {
    if (this.renderer.hasFeature("timestamp-query")) {
      return this.renderer.resolveTimestampsAsync("render");
    }
    const { device } = this.renderer.backend as unknown as Partial<WithDevice>;
    await device?.queue.onSubmittedWorkDone();
    const context = device ? null : this.renderer.domElement.getContext("webgl2");
    const fence = context?.fenceSync(context.SYNC_GPU_COMMANDS_COMPLETE, 0);
    context?.flush();
    do await new Promise((resolve) => requestAnimationFrame(resolve));
    while (context && fence && context.clientWaitSync(fence, 0, 0) === context.TIMEOUT_EXPIRED);
    return undefined;
  }
}
