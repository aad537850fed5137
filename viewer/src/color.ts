/** Light, screens, and colours of errors. */

export const toLinear = (v: number): number =>
  v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;

export const toScreen = (v: number): number =>
  v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;

/** Red, green and blue from no error to the largest; brightness rises all the way. */
const STOPS = [
  [0, 0, 0],
  [40, 22, 110],
  [140, 32, 130],
  [225, 70, 75],
  [250, 160, 40],
  [255, 245, 170],
] as const;

/** 256 colours as words of an image's pixels, low byte red. */
export const HEAT: Uint32Array = Uint32Array.from({ length: 256 }, (_, i) => {
  const at = (i / 255) * (STOPS.length - 1);
  const from = Math.min(Math.floor(at), STOPS.length - 2);
  const [low, high] = [STOPS[from]!, STOPS[from + 1]!];
  const part = (k: 0 | 1 | 2): number => Math.round(low[k] + (at - from) * (high[k] - low[k]));
  return pixel(part(0), part(1), part(2));
});

/** A pixel of these bytes. */
export function pixel(red: number, green: number, blue: number): number {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}
