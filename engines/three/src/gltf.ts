/** The glTF extension NTC_material_textures: docs/gltf.md. */
import { type MapRecord, openNtc } from "@ntc/web";
import type { GLTFLoaderPlugin, GLTFParser } from "three/addons/loaders/GLTFLoader.js";
import { mat3, uv, vec3 } from "three/tsl";
import { LoaderUtils, type Material, Matrix3, type Node } from "three/webgpu";
import { NTCLoader } from "./loader.js";
import { NTCMaterial, type Slots } from "./material.js";
import { type NTCSample, NTCTextures } from "./textures.js";

const NAME = "NTC_material_textures";

/** A slot of a material in glTF. */
interface TextureInfo {
  texCoord?: number;
  scale?: number;
  strength?: number;
  extensions?: { KHR_texture_transform?: Transform };
}

interface Transform {
  offset?: [number, number];
  rotation?: number;
  scale?: [number, number];
  texCoord?: number;
}

interface Extension {
  uri?: string;
  bufferView?: number;
  textures: Partial<Record<SlotName, { map: string }>>;
}

const SLOTS = [
  "baseColorTexture",
  "metallicRoughnessTexture",
  "normalTexture",
  "occlusionTexture",
  "emissiveTexture",
] as const;
type SlotName = (typeof SLOTS)[number];
type Textures = Partial<Record<SlotName, TextureInfo>>;

interface Definition extends Textures {
  pbrMetallicRoughness?: Textures;
  extensions?: { [NAME]?: Extension; KHR_materials_unlit?: object };
}

/** Register it: `loader.register((parser) => new NTCMaterialTexturesExtension(parser))`. */
export class NTCMaterialTexturesExtension implements GLTFLoaderPlugin {
  readonly name = NAME;
  readonly #parser: GLTFParser;
  /** By the file that they are in: materials share them. */
  readonly #opened = new Map<string | number, Promise<NTCTextures>>();

  constructor(parser: GLTFParser) {
    this.#parser = parser;
  }

  /** Null for materials without the extension, and for those without light: their images are loaded. */
  loadMaterial(index: number): Promise<Material> | null {
    const { materials } = this.#parser.json as { materials: Definition[] };
    const { [NAME]: extension, KHR_materials_unlit: unlit } = materials[index].extensions ?? {};
    return extension && !unlit ? this.#load(materials, index, extension) : null;
  }

  /** The material with its images where the file cannot be read. */
  async #load(materials: Definition[], index: number, extension: Extension): Promise<Material> {
    const parser = this.#parser;
    const definition = materials[index];
    let slots: Slots;
    let textures: NTCTextures;
    try {
      textures = await this.#open(extension);
      slots = slotsOf(definition, extension, textures);
    } catch (error) {
      console.warn(`${NAME}: images instead of the file: ${String(error)}`);
      return parser.loadMaterial(index);
    }
    materials[index] = withoutSlots(definition, extension);
    const loading = parser.loadMaterial(index);
    materials[index] = definition;
    const material = new NTCMaterial();
    material.copy((await loading) as NTCMaterial);
    material.textures = textures;
    const { normalTexture, occlusionTexture } = definition;
    if (slots.normal) material.normalScale.setScalar(normalTexture?.scale ?? 1);
    if (slots.ao) material.aoMapIntensity = occlusionTexture?.strength ?? 1;
    material.wear(slots);
    parser.associations.set(material, { materials: index });
    return material;
  }

  #open({ uri, bufferView }: Extension): Promise<NTCTextures> {
    const key = uri ?? Number(bufferView);
    const found = this.#opened.get(key) ?? this.#fetch(key);
    this.#opened.set(key, found);
    return found;
  }

  async #fetch(key: string | number): Promise<NTCTextures> {
    const parser = this.#parser;
    if (typeof key === "number") {
      const bytes = (await parser.getDependency("bufferView", key)) as ArrayBuffer;
      return new NTCTextures(openNtc(new Uint8Array(bytes)));
    }
    const { manager, path, requestHeader, crossOrigin } = parser.options;
    const loader = new NTCLoader(manager).setRequestHeader(requestHeader);
    loader.withCredentials = crossOrigin === "use-credentials";
    return loader.loadTextures(LoaderUtils.resolveURL(key, path));
  }
}

function textureOf(definition: Definition, name: SlotName): TextureInfo {
  return definition[name] ?? definition.pbrMetallicRoughness?.[name] ?? {};
}

/** A material as if it had no images where the file has maps. */
function withoutSlots(definition: Definition, { textures }: Extension): Definition {
  const kept = ([name]: [string, unknown]): boolean => !Object.hasOwn(textures, name);
  const pbr = Object.entries(definition.pbrMetallicRoughness ?? {}).filter(kept);
  const rest = Object.entries(definition).filter(kept);
  return { ...Object.fromEntries(rest), pbrMetallicRoughness: Object.fromEntries(pbr) };
}

/** What the slots read: channels are those of the images, as glTF has them. */
function slotsOf(definition: Definition, extension: Extension, textures: NTCTextures): Slots {
  const samples = new Map<string, NTCSample>();
  const read = (name: SlotName): { sample: NTCSample; map: MapRecord } | undefined => {
    const wanted = extension.textures[name]?.map;
    if (wanted === undefined) return undefined;
    const map = textures.file.metadata.maps.find((record) => record.name === wanted);
    if (!map) throw new Error(`no map ${wanted} in the file`);
    const place = placeOf(textureOf(definition, name));
    const sample = samples.get(place.key) ?? textures.sample(place.uv);
    samples.set(place.key, sample);
    return { sample, map };
  };
  const channel = (name: SlotName, index: number): Node<"float"> | undefined => {
    const { sample, map } = read(name) ?? {};
    return sample && map && sample.channel(map, map.channels.length < 3 ? 0 : index);
  };
  const [base, normal, emissive] = [
    read("baseColorTexture"),
    read("normalTexture"),
    read("emissiveTexture"),
  ];
  const alpha = base && base.map.channels.length % 2 === 0 ? base.map.channels.length - 1 : -1;
  return {
    color: base?.sample.color(base.map, true),
    opacity: alpha > 0 ? base?.sample.channel(base.map, alpha) : undefined,
    normal: normal?.sample.normal(normal.map),
    ao: channel("occlusionTexture", 0),
    roughness: channel("metallicRoughnessTexture", 1),
    metalness: channel("metallicRoughnessTexture", 2),
    emissive: emissive?.sample.color(emissive.map, true),
  };
}

/** Where a slot is read, and a key that is the same where that is. */
function placeOf(texture: TextureInfo): { uv: Node<"vec2">; key: string } {
  const transform = texture.extensions?.KHR_texture_transform;
  const set = transform?.texCoord ?? texture.texCoord ?? 0;
  const coordinates = uv(set);
  if (!transform) return { uv: coordinates, key: `${set}` };
  const { offset = [0, 0], scale = [1, 1], rotation = 0 } = transform;
  const matrix = new Matrix3().setUvTransform(...offset, ...scale, rotation, 0, 0);
  const placed = mat3(matrix).mul(vec3(coordinates, 1)).xy;
  return { uv: placed, key: `${set} ${matrix.elements.join(" ")}` };
}
