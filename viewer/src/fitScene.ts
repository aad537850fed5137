/** What stands beside a fit: its latest picture, before that its images. */
import * as api from "./api.js";
import type { Entries } from "./entries.js";
import { pictureOf } from "./pictures.js";
import { describeSamples } from "./samples.js";
import { readScene, type Scene } from "./scene.js";
import type { State } from "./state.js";

export async function withPreview(
  entries: Entries,
  state: State,
  latest: api.FitEvent | undefined,
): Promise<Scene> {
  const images = entries.all.find(({ item, error }) => item?.kind === "images" && error === null);
  if (!images) throw new Error("there are no images to fit");
  const source = latest ? String(latest.run.source) : images.key;
  const scene = await readScene(entries, { ...state, a: source, b: source });
  if (!latest?.preview) return scene;
  let sent: api.Sent;
  try {
    sent = await api.preview(scene.record.name);
  } catch {
    return scene; // this fit leaves the map out, or has not drawn anything yet
  }
  const samples = describeSamples(sent, scene.record);
  const picture = pictureOf(samples, state);
  const { width, height } = samples;
  const shown = { size: { width, height }, left: samples, right: samples };
  return { ...scene, ...shown, pictures: [picture, picture] };
}
