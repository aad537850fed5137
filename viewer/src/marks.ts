/** What lies over the picture and is no part of it: numbers in pixels, the outline of a tile. */
import type { MapSamples } from "./samples.js";
import type { Placement, Size } from "./view.js";

const NUMBERS_FROM = 40; // pixels of the page a texel, to have room for numbers
const LINE = 11; // pixels of the page

export interface Outline {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Marked {
  samples: MapSamples | undefined;
  placement: Placement;
  left: number;
  right: number;
}

export function clearMarks(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser gives no 2D canvas");
  context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}

/** Writes the samples of each texel into it, where texels are large enough. */
export function writeNumbers(
  context: CanvasRenderingContext2D,
  { samples, placement, left, right }: Marked,
  size: Size,
): void {
  if (!samples) return;
  const { width, height, channels, values } = samples;
  const across = (placement.zoom * size.width) / width;
  const down = (placement.zoom * size.height) / height;
  const high = LINE * devicePixelRatio;
  if (across < NUMBERS_FROM * devicePixelRatio || down < high * (channels + 1)) return;
  context.font = `${high - devicePixelRatio}px ui-monospace, monospace`;
  context.textAlign = "center";
  context.lineWidth = 3 * devicePixelRatio;
  const first = Math.max(Math.floor((left - placement.left) / across), 0);
  const last = Math.min(Math.ceil((right - placement.left) / across), width);
  const top = Math.max(Math.floor(-placement.top / down), 0);
  const end = Math.min(Math.ceil((context.canvas.height - placement.top) / down), height);
  for (let y = top; y < end; y++) {
    for (let x = first; x < last; x++) {
      const middle = placement.left + (x + 0.5) * across;
      if (middle < left || middle > right) continue;
      for (let channel = 0; channel < channels; channel++) {
        const text = String(values[(y * width + x) * channels + channel]);
        const line = placement.top + (y + 0.5) * down + high * (channel + 0.8 - channels / 2);
        context.strokeStyle = "#000a";
        context.strokeText(text, middle, line);
        context.fillStyle = "#fff";
        context.fillText(text, middle, line);
      }
    }
  }
}

/** Outlines texels of mip 0. */
export function writeOutline(
  context: CanvasRenderingContext2D,
  { zoom, left, top }: Placement,
  outline: Outline,
): void {
  context.lineWidth = 2 * devicePixelRatio;
  context.strokeStyle = "#0ff";
  const [x, y] = [left + outline.x * zoom, top + outline.y * zoom];
  context.strokeRect(x, y, outline.width * zoom, outline.height * zoom);
}
