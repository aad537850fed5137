/** One texel in numbers, and how often each value occurs. */
import { element, table } from "./dom.js";
import { degreesBetween, normalAt } from "./normals.js";
import { isNormal } from "./pictures.js";
import { linearValue, type MapSamples } from "./samples.js";
import type { Scene } from "./scene.js";

const BINS = 128;
const MOST_COUNTED = 1 << 19; // texels; of larger maps every so many

const short = (value: number): string => Number(value.toPrecision(4)).toString();

/** The texel under a place in texels of mip 0, or undefined outside. */
export function texelAt(scene: Scene, x: number, y: number): [number, number] | undefined {
  const { width, height } = scene.right;
  const column = Math.floor((x / scene.size.width) * width);
  const row = Math.floor((y / scene.size.height) * height);
  return column >= 0 && row >= 0 && column < width && row < height ? [column, row] : undefined;
}

export function inspect(scene: Scene, column: number, row: number): HTMLElement {
  const { left, right } = scene;
  const i = row * right.width + column;
  const rows: string[][] = [["", "A", "B", "B − A", "A linear", "B linear"]];
  const same = left.width === right.width && left.height === right.height;
  for (let c = 0; c < right.channels; c++) {
    const value = (side: MapSamples): number => side.values[i * side.channels + c]!;
    const b = value(right);
    const linear = (side: MapSamples): string =>
      short(linearValue(side.record, value(side) / side.top));
    const name = right.record.channels[c]!.meaning;
    if (!same || c >= left.channels) rows.push([name, "", String(b), "", "", linear(right)]);
    else {
      const a = value(left);
      // In the finer of the two scales.
      const top = Math.max(left.top, right.top);
      const error = Math.round(((b / right.top) * top - (a / left.top) * top) * 100) / 100;
      rows.push([name, String(a), String(b), String(error), linear(left), linear(right)]);
    }
  }
  const parts = [element("h3", {}, `texel ${column}, ${row} of mip ${scene.mip}`)];
  parts.push(table("texel", rows));
  if (same && isNormal(left) && isNormal(right)) {
    const [a, b] = [new Float64Array(3), new Float64Array(3)];
    normalAt(left, i, a);
    normalAt(right, i, b);
    parts.push(element("p", {}, `normals are ${degreesBetween(a, b).toFixed(2)}° apart`));
  }
  return element("section", { id: "inspector" }, ...parts);
}

function count(samples: MapSamples, alone: number): Float64Array {
  const { values, channels, top } = samples;
  const bins = new Float64Array(BINS);
  const texels = values.length / channels;
  const step = Math.ceil(texels / MOST_COUNTED);
  const wanted = alone >= 0 ? [Math.min(alone, channels - 1)] : [...Array(channels).keys()];
  for (let i = 0; i < texels; i += step) {
    for (const c of wanted) {
      bins[Math.floor((values[i * channels + c]! * BINS) / (top + 1))]! += 1;
    }
  }
  return bins;
}

/** Bars of B in front of those of A, by the square root of how often. */
export function histogram(scene: Scene, alone: number): HTMLElement {
  const canvas = element("canvas", { id: "histogram" });
  [canvas.width, canvas.height] = [2 * BINS, 64];
  const context = canvas.getContext("2d")!;
  const style = getComputedStyle(document.documentElement);
  [scene.left, scene.right].forEach((side, which) => {
    const bins = count(side, alone);
    const most = Math.sqrt(Math.max(...bins));
    context.fillStyle = style.getPropertyValue(which === 0 ? "--dim" : "--accent");
    bins.forEach((times, bin) => {
      const height = (64 * Math.sqrt(times)) / most;
      if (which === 0) context.fillRect(2 * bin, 64 - height, 2, height);
      else context.fillRect(2 * bin, 64 - height, 2, Math.min(height, 2));
    });
  });
  return element("figure", {}, canvas, element("figcaption", {}, "values: A grey, B line"));
}
