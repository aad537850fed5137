/** What can be put into A and B: items of the server, and files dropped onto the page. */
import type { Report } from "@ntc/web";
import * as api from "./api.js";
import { openFile } from "./decoding.js";
import { Source } from "./sources.js";

export interface Entry {
  /** The number of an item; of a dropped file, `file` and a number. */
  key: string;
  name: string;
  /** Undefined of a dropped file. */
  item: api.SessionItem | undefined;
  error: string | null;
  source: Source;
  /** What it costs; undefined where it is no `.ntc`. */
  report(): Promise<Report> | undefined;
}

export class Entries {
  all: Entry[] = [];
  session: api.Session | undefined;

  /** Reads the session again: a fit may have added an item. */
  async refresh(): Promise<void> {
    this.session = await api.session();
    const dropped = this.all.filter((entry) => !entry.item);
    const kept = new Map(this.all.map((entry) => [entry.key, entry]));
    const items = this.session.items.map(
      (item) => kept.get(String(item.number)) ?? entryOfItem(item),
    );
    this.all = [...items, ...dropped];
  }

  find(key: string): Entry | undefined {
    return this.all.find((entry) => entry.key === key);
  }

  /** Opens a file in this browser. Throws an Error that names the rule it breaks. */
  async addFile(file: File): Promise<Entry> {
    if (!file.name.toLowerCase().endsWith(".ntc")) throw new Error(`${file.name}: is no .ntc`);
    let opened;
    try {
      opened = await openFile(await file.arrayBuffer());
    } catch (error) {
      throw new Error(`${file.name}: ${(error as Error).message}`);
    }
    const { report } = opened;
    const key = `file${this.all.filter((entry) => !entry.item).length}`;
    const source = new Source(undefined, opened.file);
    const own = Promise.resolve(report);
    const entry = { key, name: file.name, item: undefined, error: null, source, report: () => own };
    this.all.push(entry);
    return entry;
  }

  /** What to show as B and as A where the state does not say. */
  usual(a: string, b: string): [Entry, Entry] {
    const first = this.all.find((entry) => entry.item?.kind === "ntc") ?? this.all[0];
    const right = b === "" ? first : this.find(b);
    if (!right) throw new Error(b === "" ? "there is nothing to show" : `b ${b}: no such item`);
    const reference = right.item?.reference ?? null;
    const left =
      a !== "" ? this.find(a) : reference === null ? right : this.find(String(reference));
    if (!left) throw new Error(`a ${a}: no such item`);
    return [left, right];
  }
}

function entryOfItem(item: api.SessionItem): Entry {
  let report: Promise<Report> | undefined;
  return {
    key: String(item.number),
    name: item.kind === "ntc" ? item.name : `${item.name} (${item.kind})`,
    item,
    error: item.error,
    source: new Source(item),
    report: () => (item.kind === "ntc" ? (report ??= api.info(item.number)) : undefined),
  };
}
