/** `META`: JSON that follows docs/schemas/metadata.json, chapter 7 of docs/format.md. */
import { NtcError, require } from "./errors.js";

const SEMANTICS = [
  "albedo",
  "opacity",
  "normal",
  "bump",
  "roughness",
  "metalness",
  "ao",
  "cavity",
  "height",
  "specular",
  "specular_level",
  "emissive",
  "transmission",
  "sheen",
  "clearcoat",
  "anisotropy",
  "mask",
  "packed",
  "other",
] as const;
const SAMPLES = ["uint8", "uint16", "half", "float"] as const;

export type Semantic = (typeof SEMANTICS)[number];
export type Sample = (typeof SAMPLES)[number];
export type ColorSpace = "srgb" | "linear";
export type Curve = "linear" | "log";
export type NormalConvention = "opengl" | "directx";
export type Filtering = "texel" | "filtered";

/** Where one channel of a map comes from: an output of the decoder, or one constant. */
export interface Channel {
  meaning: string;
  output: number | null;
  constant: number | null;
  inverted: boolean;
}

/** One image of the material, as it was before compression. Names are those of the file. */
export interface MapRecord {
  name: string;
  file: string;
  semantic: Semantic;
  color_space: ColorSpace;
  sample: Sample;
  width: number;
  height: number;
  curve: Curve;
  low: number;
  high: number;
  normal: NormalConvention | null;
  channels: Channel[];
}

export interface FitRecord {
  backend: string;
  effort: string;
  seed: number;
  texels: number;
  filtering: Filtering;
  settings: Record<string, number | string | boolean>;
}

/** PSNR in dB of mip 0; null of what is exact. */
export interface Quality {
  psnr: number | null;
  maps: Record<string, number | null>;
}

export interface Metadata {
  name: string;
  maps: MapRecord[];
  fit: FitRecord;
  quality: Quality;
  generator: string;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A value of the document with its place, for messages; what it is not breaks rule J1. */
class Value {
  constructor(
    private readonly json: Json | undefined,
    private readonly path: string,
  ) {}

  fail(allowed: string): never {
    throw new NtcError("J1", 0, `${this.path || "a document"} that is not legal`, allowed);
  }

  /** The value of a key; an own one, so that names like `constructor` find nothing. */
  key(name: string): Value {
    const object = this.object();
    return new Value(
      Object.hasOwn(object, name) ? object[name] : undefined,
      `${this.path}.${name}`,
    );
  }

  /** What `read` makes of it, or `usual` if the key is not there. */
  or<T>(usual: T, read: (value: Value) => T): T {
    return this.json === undefined ? usual : read(this);
  }

  nullOr<T>(read: (value: Value) => T): T | null {
    return this.json === null ? null : read(this);
  }

  object(): { [key: string]: Json } {
    const { json } = this;
    if (typeof json !== "object" || json === null || Array.isArray(json)) this.fail("an object");
    return json;
  }

  record<T>(read: (value: Value) => T): Record<string, T> {
    const found = Object.entries(this.object());
    return Object.fromEntries(
      found.map(([name, json]) => {
        const value = new Value(json, `${this.path}.${name}`);
        return [wellFormed(name) ? name : value.fail("a name of Unicode"), read(value)];
      }),
    );
  }

  list<T>(most: number, read: (value: Value) => T): T[] {
    const { json } = this;
    const legal = Array.isArray(json) && json.length >= 1 && json.length <= most;
    if (!legal) this.fail(`a list of 1..${most}`);
    return json.map((item, i) => read(new Value(item, `${this.path}.${i}`)));
  }

  text(least = 0, most = Infinity): string {
    const { json } = this;
    if (typeof json !== "string" || !wellFormed(json)) this.fail("a string");
    const length = Array.from(json).length;
    return length >= least && length <= most ? json : this.fail(`${least}..${most} characters`);
  }

  number(): number {
    const { json } = this;
    return typeof json === "number" && Number.isFinite(json) ? json : this.fail("a number");
  }

  integer(low = -Infinity, high = Infinity): number {
    const number = this.number();
    const legal = Number.isInteger(number) && number >= low && number <= high;
    return legal ? number : this.fail(`a whole number, ${low}..${high}`);
  }

  boolean(): boolean {
    return typeof this.json === "boolean" ? this.json : this.fail("true or false");
  }

  oneOf<T extends string>(allowed: readonly T[]): T {
    return allowed.find((name) => name === this.json) ?? this.fail(allowed.join(", "));
  }

  setting(): number | string | boolean {
    if (typeof this.json === "number") return this.number();
    return typeof this.json === "string" ? this.text() : this.boolean();
  }
}

const wellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

export function readMetadata(raw: Uint8Array): Metadata {
  let json: Json;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw));
  } catch {
    throw new NtcError("J1", 0, "no JSON in UTF-8", "one object");
  }
  const value = new Value(json, "");
  const fit = value.key("fit");
  const quality = value.key("quality");
  return {
    name: value.key("name").text(0, 255),
    maps: value.key("maps").list(64, readMap),
    fit: {
      backend: fit.key("backend").text(),
      effort: fit.key("effort").text(),
      seed: fit.key("seed").integer(),
      texels: fit.key("texels").integer(0),
      filtering: fit.key("filtering").or("texel", (v) => v.oneOf(["texel", "filtered"])),
      settings: fit.key("settings").or({}, (v) => v.record((setting) => setting.setting())),
    },
    quality: {
      psnr: quality.key("psnr").nullOr((v) => v.number()),
      maps: quality.key("maps").record((v) => v.nullOr((psnr) => psnr.number())),
    },
    generator: value.key("generator").text(0, 64),
  };
}

function readMap(value: Value): MapRecord {
  const record: MapRecord = {
    name: value.key("name").text(1, 128),
    file: value.key("file").text(1, 255),
    semantic: value.key("semantic").oneOf(SEMANTICS),
    color_space: value.key("color_space").oneOf(["srgb", "linear"]),
    sample: value.key("sample").oneOf(SAMPLES),
    width: value.key("width").integer(1, 16384),
    height: value.key("height").integer(1, 16384),
    curve: value.key("curve").or("linear", (v) => v.oneOf(["linear", "log"])),
    low: value.key("low").or(0, (v) => v.number()),
    high: value.key("high").or(1, (v) => v.number()),
    normal: value
      .key("normal")
      .or(null, (v) => v.nullOr((kind) => kind.oneOf(["opengl", "directx"]))),
    channels: value.key("channels").list(32, readChannel),
  };
  if (!(record.high > record.low)) value.key("high").fail("more than `low`");
  if (record.curve === "log" && record.low < 0) value.key("low").fail("0 or above for `log`");
  if (!isFileName(record.file)) value.key("file").fail("the printable name of a file in no folder");
  return record;
}

function readChannel(value: Value): Channel {
  const channel: Channel = {
    meaning: value.key("meaning").text(0, 64),
    output: value.key("output").or(null, (v) => v.nullOr((output) => output.integer(0, 31))),
    constant: value.key("constant").or(null, (v) => v.nullOr((constant) => constant.number())),
    inverted: value.key("inverted").or(false, (v) => v.boolean()),
  };
  const one = (channel.output === null) !== (channel.constant === null);
  return one ? channel : value.fail("either `output` or `constant`");
}

function isFileName(name: string): boolean {
  const leads = /[/\\]/.test(name) || name === "." || name === "..";
  return !leads && !/^[A-Za-z]:/.test(name) && !/(?! )[\p{C}\p{Z}]/u.test(name);
}

const HIGHEST: Record<Sample, number> = {
  uint8: 255,
  uint16: 65535,
  half: 65504,
  float: 2 ** 128 - 2 ** 104,
};

/** The rules J3 to J7, for a material of this size and this many outputs. */
export function checkMetadata(
  metadata: Metadata,
  size: { width: number; height: number; channels: number },
): void {
  for (const what of ["name", "file"] as const) {
    const names = metadata.maps.map((map) => map[what]);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    require(twice === undefined, "J3", 0, `two maps with ${what} \`${twice}\``, "one");
  }
  for (const map of metadata.maps) {
    const fits = map.width <= size.width && map.height <= size.height;
    const about = `map \`${map.name}\` of ${map.width}x${map.height}`;
    require(fits, "J5", 0, about, `${size.width}x${size.height}`);
    checkChannels(map, size.channels);
  }
}

function checkChannels(map: MapRecord, outputs: number): void {
  const highest = HIGHEST[map.sample];
  const whole = map.sample === "uint8" || map.sample === "uint16";
  const lowest = whole ? 0 : -highest;
  const where = `in map \`${map.name}\``;
  for (const { output, constant } of map.channels) {
    if (output !== null) {
      require(output < outputs, "J4", 0, `output ${output} ${where}`, `below ${outputs}`);
    }
    if (constant === null) continue;
    const legal = constant >= lowest && constant <= highest;
    const told = `constant ${constant} ${where}`;
    const exact = !whole || Number.isInteger(constant);
    require(legal && exact, "J6", 0, told, `${map.sample}, ${lowest}..${highest}`);
  }
  const inside = whole || (map.low >= -highest && map.high <= highest);
  require(inside, "J7", 0, `range ${map.low}..${map.high} ${where}`, `within +-${highest}`);
}
