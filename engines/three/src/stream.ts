/** A file that opens more finely as more of it arrives: chapter 11 of docs/format.md. */
import { NtcError, type NtcFile, openNtc } from "@ntc/web";

/** Asked for first: header, metadata and network of most files, and their coarse mips. */
const FIRST_BYTES = 1 << 15;
/** No header, metadata and network need more: then a file that ends too early is no file. */
const HEAD_MOST = 1 << 24;
/** Each picture takes at most so many times the bytes of the one before. */
const GROWTH = 4;

/** What has arrived of a file, from its beginning. */
class Beginning {
  /** Whether no more is to come. */
  ended = false;
  #room = new Uint8Array(0);
  #length = 0;
  readonly #url: string;
  readonly #init: RequestInit;
  /** The rest, where the server answers with the whole file. */
  #whole: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(url: string, init: RequestInit) {
    this.#url = url;
    this.#init = init;
  }

  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#length);
  }

  /** Waits until `count` bytes have arrived, or all there are. */
  async upTo(count: number): Promise<void> {
    while (this.#length < count && !this.ended) {
      if (this.#whole) await this.#read(this.#whole);
      else await this.#ask(count);
    }
  }

  async close(): Promise<void> {
    await this.#whole?.cancel();
  }

  async #ask(count: number): Promise<void> {
    const headers = new Headers(this.#init.headers);
    headers.set("Range", `bytes=${this.#length}-${count - 1}`);
    const answer = await fetch(this.#url, { ...this.#init, headers });
    const { status, statusText, body } = answer;
    if (!answer.ok) throw new Error(`${this.#url}: ${status} ${statusText}`);
    if (status === 206) {
      this.#add(new Uint8Array(await answer.arrayBuffer()));
      this.ended = this.#length < count;
    } else {
      // The server does not know ranges, and sends the file from its start.
      this.#length = 0;
      this.#whole = body?.getReader();
      this.ended = !this.#whole;
    }
  }

  async #read(whole: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const { value, done } = await whole.read();
    if (value) this.#add(value);
    this.ended = done;
  }

  #add(more: Uint8Array): void {
    const length = this.#length + more.length;
    if (length > this.#room.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.bytes);
      this.#room = larger;
    }
    this.#room.set(more, this.#length);
    this.#length = length;
  }
}

/**
 * The file at an address, whenever it has become finer; the last one is complete. Throws NtcError for
 * bytes that break a rule, and what `fetch` throws.
 */
export async function* streamed(url: string, init: RequestInit): AsyncGenerator<NtcFile, void> {
  const beginning = new Beginning(url, init);
  try {
    let wanted = FIRST_BYTES;
    for (;;) {
      await beginning.upTo(wanted);
      const { bytes, ended } = beginning;
      const file = opened(bytes, ended);
      if (file && file.finestMip < file.model.mips) yield file;
      if (file?.finestMip === 0) return;
      wanted = file ? nextBytes(file.bytesForMip, bytes.length) : GROWTH * wanted;
    }
  } finally {
    await beginning.close();
  }
}

/** The file in its first bytes; undefined where these end too early to tell, unless they are `all`. */
function opened(bytes: Uint8Array, all: boolean): NtcFile | undefined {
  try {
    return openNtc(bytes, { prefix: !all });
  } catch (error) {
    const early = error instanceof NtcError && error.rule === "H6";
    if (early && !all && bytes.length < HEAD_MOST) return undefined;
    throw error;
  }
}

/** How many bytes the next picture takes: of the finest mip that is not far, or of the next one. */
function nextBytes(bytesForMip: readonly number[], arrived: number): number {
  const missing = bytesForMip.filter((bytes) => bytes > arrived);
  return missing.find((bytes) => bytes <= GROWTH * arrived) ?? missing[missing.length - 1];
}
