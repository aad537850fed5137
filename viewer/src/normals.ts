/** Normals out of samples: unit vectors, z away from the surface. */
import type { MapSamples } from "./samples.js";

/** Writes the normal of texel `i` to `out`. */
export function normalAt(samples: MapSamples, i: number, out: Float64Array): void {
  const { values, channels, top } = samples;
  const x = (2 * values[i * channels]!) / top - 1;
  const y = channels > 1 ? (2 * values[i * channels + 1]!) / top - 1 : 0;
  // A map of two channels leaves z out; one of four has something else in the last.
  const stored = channels > 2 && !samples.record.channels[2]!.meaning.startsWith("opacity");
  const z = stored
    ? (2 * values[i * channels + 2]!) / top - 1
    : Math.sqrt(Math.max(1 - x * x - y * y, 0));
  const length = Math.hypot(x, y, z) || 1;
  out[0] = x / length;
  out[1] = y / length;
  out[2] = z / length;
}

/** Degrees between two unit vectors, exact also near 0. */
export function degreesBetween(a: Float64Array, b: Float64Array): number {
  const [ax, ay, az] = a as unknown as [number, number, number];
  const [bx, by, bz] = b as unknown as [number, number, number];
  const cross = Math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx);
  return (Math.atan2(cross, ax * bx + ay * by + az * bz) * 180) / Math.PI;
}
