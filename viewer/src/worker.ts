/** Opens files, and decodes maps on the processor, away from the page. */
import { decodeRectangle, describe, mipSize, type NtcFile, openNtc, type Report } from "@ntc/web";

export type Wanted =
  { kind: "open"; bytes: ArrayBuffer } | { kind: "decode"; file: NtcFile; mip: number };

export type Opened = { file: NtcFile; report: Report };
export type Done = { opened?: Opened; outputs?: Uint16Array; failure?: string };

function answer(wanted: Wanted): Done {
  if (wanted.kind === "open") {
    const file = openNtc(new Uint8Array(wanted.bytes));
    return { opened: { file, report: describe(file) } };
  }
  const [width, height] = mipSize(wanted.file.model, wanted.mip);
  const whole = { x: 0, y: 0, width, height };
  return { outputs: decodeRectangle(wanted.file, wanted.mip, whole) };
}

self.onmessage = ({ data }: MessageEvent<{ id: number; wanted: Wanted }>): void => {
  let done: Done;
  try {
    done = answer(data.wanted);
  } catch (error) {
    done = { failure: error instanceof Error ? error.message : String(error) };
  }
  self.postMessage({ id: data.id, done });
};
