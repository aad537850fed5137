/** Addresses to materials. */
import { openNtc } from "@ntc/web";
import { Loader } from "three/webgpu";
import { NTCMaterial } from "./material.js";
import { streamed } from "./stream.js";
import { NTCTextures } from "./textures.js";

/** Loads a file as far as a first, coarse picture needs it, and goes on while that is drawn. */
export class NTCLoader extends Loader<NTCMaterial> {
  override load(
    url: string,
    onLoad: (material: NTCMaterial) => void,
    _onProgress?: (event: ProgressEvent) => void,
    onError?: (error: unknown) => void,
  ): void {
    this.loadTextures(url)
      .then((textures) => new NTCMaterial(textures))
      .then(onLoad, onError);
  }

  /** The maps alone, for materials of your own. */
  async loadTextures(url: string): Promise<NTCTextures> {
    const whole = this.manager.resolveURL(this.path + url);
    this.manager.itemStart(whole);
    try {
      const files = streamed(whole, {
        headers: this.requestHeader,
        credentials: this.withCredentials ? "include" : "same-origin",
      });
      const first = await files.next();
      if (first.done) throw new Error(`${whole}: nothing to draw`);
      const textures = new NTCTextures(first.value, files);
      textures.addEventListener("error", ({ error }) => {
        console.error(`${whole} stays coarse: ${String(error)}`);
        this.manager.itemError(whole);
      });
      return textures;
    } catch (error) {
      this.manager.itemError(whole);
      throw error;
    } finally {
      this.manager.itemEnd(whole);
    }
  }

  /** A whole file that is in memory. Throws NtcError. */
  parse(bytes: Uint8Array): NTCMaterial {
    return new NTCMaterial(new NTCTextures(openNtc(bytes)));
  }
}
