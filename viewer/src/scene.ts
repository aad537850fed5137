/** From a state to what stands on the canvas: samples are read, pictures made, each once. */
import type { MapRecord } from "@ntc/web";
import * as api from "./api.js";
import { findFastGpu } from "./decoding.js";
import type { Entries, Entry } from "./entries.js";
import {
  anglePicture,
  differencePicture,
  flipPicture,
  type Picture,
  pictureOf,
  tilesPicture,
} from "./pictures.js";
import { counterpart, type MapSamples } from "./samples.js";
import type { DecoderName, State } from "./state.js";
import type { Size } from "./view.js";

const MOST_TEXELS = 1 << 24; // of a mip that is chosen by the page
const MOST_WORN = 1 << 22; // of maps that become textures, all at once
const MOST_ON_PROCESSOR = 1 << 18; // about 3 s
export const TILE = 64;

/** All that a picture needs and the panels tell. */
export interface Scene {
  a: Entry;
  b: Entry;
  size: Size;
  mip: number;
  mips: number;
  records: MapRecord[];
  record: MapRecord;
  left: MapSamples;
  right: MapSamples;
  /** Of A and of B; in modes of one picture the same. */
  pictures: [Picture, Picture];
  tiles: api.Tiles | undefined;
  /** All maps of A and of B, for a body that wears them. */
  worn: [MapSamples[], MapSamples[]] | undefined;
}

/** The entries and maps of a state. Throws an Error that says what cannot be shown. */
export async function readScene(entries: Entries, state: State): Promise<Scene> {
  const [a, b] = entries.usual(state.a, state.b);
  for (const entry of [b, a]) if (entry.error) throw new Error(entry.error);
  const [mapsA, mapsB] = await Promise.all([a.source.maps(), b.source.maps()]);
  const records = mapsA.maps;
  const record = state.map === "" ? records[0]! : records.find(({ name }) => name === state.map);
  if (!record) {
    const names = records.map(({ name }) => name).join(", ");
    throw new Error(`map ${state.map}: ${a.name} has ${names}`);
  }
  const other = counterpart(record, mapsB.maps);
  if (!other) throw new Error(`${b.name} has no map like ${record.file} of ${a.name}`);
  const size = { width: mapsB.width, height: mapsB.height };
  const mips = Math.min(mapsA.mips, mapsB.mips);
  const mip = state.mip < 0 ? await usualMip(size, mips, b, state) : state.mip;
  if (mip >= mips) throw new Error(`mip ${mip}: there are mips 0..${mips - 1}`);
  const [left, right] = await Promise.all([
    a.source.samples(record, mip, state.decoder),
    b.source.samples(other, mip, state.decoder),
  ]);
  const tiles = state.mode === "tiles" ? await readTiles(a, b, record) : undefined;
  const worn: Scene["worn"] =
    state.mode === "3d"
      ? [await allMaps(a, mip, state.decoder), await allMaps(b, mip, state.decoder)]
      : undefined;
  const partial = { a, b, size, mip, mips, records, record, left, right, tiles, worn };
  return { ...partial, pictures: await makePictures(partial, state) };
}

async function allMaps(entry: Entry, mip: number, decoder: DecoderName): Promise<MapSamples[]> {
  const { maps } = await entry.source.maps();
  return Promise.all(maps.map((record) => entry.source.samples(record, mip, decoder)));
}

async function usualMip(size: Size, mips: number, b: Entry, state: State): Promise<number> {
  const slow = state.decoder === "browser" || (!b.item && !(await findFastGpu()));
  const usual = state.mode === "3d" ? MOST_WORN : MOST_TEXELS;
  const most = slow ? MOST_ON_PROCESSOR : usual;
  let mip = 0;
  while (mip + 1 < mips && (size.width >> mip) * (size.height >> mip) > most) mip++;
  return mip;
}

function numbersOf(a: Entry, b: Entry): [number, number] {
  if (!a.item || !b.item) throw new Error("a dropped file is not on the server, which measures it");
  return [a.item.number, b.item.number];
}

export function readTiles(a: Entry, b: Entry, record: MapRecord): Promise<api.Tiles> {
  const [first, second] = numbersOf(a, b);
  return api.tiles(first, second, record.name, TILE);
}

async function makePictures(
  scene: Omit<Scene, "pictures">,
  state: State,
): Promise<[Picture, Picture]> {
  const { a, b, left, right, record, size, tiles } = scene;
  const one = (picture: Picture): [Picture, Picture] => [picture, picture];
  switch (state.mode) {
    case "diff":
    case "relative":
      return one(differencePicture(left, right, state, state.mode === "relative"));
    case "angle":
      return one(anglePicture(left, right, state.gain));
    case "flip":
      return one(flipPicture(await api.flip(...numbersOf(a, b), record.name)));
    case "3d":
      return one(pictureOf(right, state));
    case "tiles":
      return one(tilesPicture(tiles!, size.width, size.height));
    default:
      return [pictureOf(left, state), pictureOf(right, state)];
  }
}
