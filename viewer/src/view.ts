/** The canvas: panes of pictures, moved and enlarged together, every pixel a texel's bytes. */
import type { Picture } from "./pictures.js";
import type { State } from "./state.js";

/** A picture in the columns `left` to `right` of the canvas; `middle` is where its centre goes. */
export interface Pane {
  picture: Picture;
  left: number;
  right: number;
  middle: number;
}

/** The size of mip 0, which zoom and places are about. */
export interface Size {
  width: number;
  height: number;
}

const MOST_SAMPLES = 4; // a side, of texels averaged where a pixel shows several

/** How texels of mip 0 lie on the canvas, in pixels. */
export interface Placement {
  zoom: number;
  left: number;
  top: number;
}

/** The zoom of a state: its own, or what shows all of the material. */
export function zoomOf(state: State, size: Size, width: number, height: number): number {
  if (state.zoom > 0) return state.zoom;
  const zoom = Math.min(width / size.width, height / size.height) / state.tiling;
  return zoom >= 1 ? Math.floor(zoom) : zoom;
}

export function placementOf(
  state: State,
  size: Size,
  width: number,
  height: number,
  middle: number,
): Placement {
  const zoom = zoomOf(state, size, width, height);
  return {
    zoom,
    left: Math.round(middle - state.x * size.width * zoom),
    top: Math.round(height / 2 - state.y * size.height * zoom),
  };
}

/** For each pixel (or part of one), the texel there, or -1. */
function texelsAlong(
  from: number,
  to: number,
  start: number,
  scale: number,
  count: number,
  tiling: number,
  parts: number,
): Int32Array {
  const found = new Int32Array((to - from) * parts);
  const before = Math.floor(tiling / 2) * count;
  for (let i = 0; i < found.length; i++) {
    const texel = Math.floor((from + (i + 0.5) / parts - start) / scale);
    const inside = texel >= -before && texel < count * tiling - before;
    found[i] = inside ? ((texel % count) + count) % count : -1;
  }
  return found;
}

/** Draws panes; what no texel covers keeps the colour of the page. */
export function paint(canvas: HTMLCanvasElement, panes: Pane[], state: State, size: Size): void {
  const fitted = state.mode === "side" ? Math.floor(canvas.width / 2) : canvas.width;
  const context = canvas.getContext("2d", { alpha: true, willReadFrequently: true });
  if (!context) throw new Error("this browser gives no 2D canvas");
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  for (const pane of panes) {
    const columns = pane.right - pane.left;
    if (columns < 1) continue;
    const image = context.createImageData(columns, height);
    const place = placementOf(state, size, fitted, height, pane.middle);
    fill(new Uint32Array(image.data.buffer), columns, height, pane, place, state, size);
    context.putImageData(image, pane.left, 0);
  }
}

function fill(
  out: Uint32Array,
  columns: number,
  height: number,
  pane: Pane,
  place: Placement,
  state: State,
  size: Size,
): void {
  const { picture, left } = pane;
  const across = (place.zoom * size.width) / picture.width;
  const down = (place.zoom * size.height) / picture.height;
  const parts = Math.min(Math.max(Math.ceil(1 / Math.min(across, down)), 1), MOST_SAMPLES);
  const { tiling } = state;
  const xs = texelsAlong(left, left + columns, place.left, across, picture.width, tiling, parts);
  const ys = texelsAlong(0, height, place.top, down, picture.height, tiling, parts);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns; x++) {
      out[y * columns + x] =
        parts === 1 ? nearest(picture, xs[x]!, ys[y]!) : mean(picture, xs, ys, x, y, parts);
    }
  }
}

function nearest(picture: Picture, x: number, y: number): number {
  return x < 0 || y < 0 ? 0 : picture.pixels[y * picture.width + x]!;
}

/** The mean of the texels under a pixel. */
function mean(
  picture: Picture,
  xs: Int32Array,
  ys: Int32Array,
  column: number,
  row: number,
  parts: number,
): number {
  let [red, green, blue, count] = [0, 0, 0, 0];
  for (let j = row * parts; j < (row + 1) * parts; j++) {
    for (let i = column * parts; i < (column + 1) * parts; i++) {
      const [x, y] = [xs[i]!, ys[j]!];
      if (x < 0 || y < 0) continue;
      const found = picture.pixels[y * picture.width + x]!;
      red += found & 255;
      green += (found >> 8) & 255;
      blue += (found >> 16) & 255;
      count++;
    }
  }
  if (count === 0) return 0;
  const byte = (sum: number): number => Math.round(sum / count);
  return (0xff000000 | (byte(blue) << 16) | (byte(green) << 8) | byte(red)) >>> 0;
}

/** The place under a pixel, in texels of mip 0; outside of the material it goes on. */
export function placeAt(placement: Placement, x: number, y: number): [number, number] {
  return [(x - placement.left) / placement.zoom, (y - placement.top) / placement.zoom];
}
