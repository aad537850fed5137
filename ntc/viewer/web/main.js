// The least that shows a session: its items, how B compares with A, and one map.
const root = document.documentElement;
const state = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, "", location.pathname + location.hash); // the cookie has the token

async function ask(address) {
  const answer = await fetch(`api/${address}`);
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}

function row(kind, cells) {
  const line = document.createElement("tr");
  for (const text of cells) line.append(Object.assign(document.createElement(kind), { textContent: text }));
  return line;
}

function table(rows) {
  const shown = document.createElement("table");
  shown.append(...rows.map((cells, index) => row(index ? "td" : "th", cells)));
  document.querySelector("#items").append(shown);
}

async function samples(item, map, mip) {
  const answer = await ask(`item/${item}/map/${encodeURIComponent(map)}/mip/${mip}`);
  const number = (name) => Number(answer.headers.get(`Ntc-${name}`));
  const bytes = await answer.arrayBuffer();
  const wide = answer.headers.get("Ntc-Sample") === "uint16";
  return {
    width: number("Width"),
    height: number("Height"),
    channels: number("Channels"),
    values: wide ? new Uint16Array(bytes).map((value) => (value + 128) / 257) : new Uint8Array(bytes),
  };
}

function paint({ width, height, channels, values }, other, gain) {
  const canvas = Object.assign(document.querySelector("#picture"), { width, height });
  const image = new ImageData(width, height);
  for (let texel = 0; texel < width * height; texel++) {
    for (let channel = 0; channel < 3; channel++) {
      const at = texel * channels + Math.min(channel, channels - 1);
      image.data[4 * texel + channel] = other ? gain * Math.abs(values[at] - other.values[at]) : values[at];
    }
    image.data[4 * texel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

async function show() {
  const { items } = await (await ask("session")).json();
  const numbers = (item) => [item.number, item.name, item.kind, `${item.width}x${item.height}`, item.bytes];
  table([["", "name", "kind", "size", "bytes"], ...items.map((item) => [...numbers(item), item.error ?? ""])]);
  const first = items.find((item) => item.kind === "ntc") ?? items[0];
  const b = items[Number(state.get("b") ?? first.number)];
  if (b.error) throw new Error(b.error);
  const a = items[Number(state.get("a") ?? b.reference ?? b.number)];
  const report = await (await ask(`compare/${a.number}/${b.number}`)).json();
  const decibels = (psnr) => (psnr === null ? "exact" : psnr.toFixed(2));
  table([["map", "dB"], ...Object.entries(report.maps).map(([map, psnr]) => [map, decibels(psnr)])]);
  const map = state.get("map") ?? b.maps[0];
  const mip = Number(state.get("mip") ?? 0);
  const right = await samples(b.number, map, mip);
  const other = state.get("mode") === "diff" ? await samples(a.number, map, mip) : undefined;
  paint(right, other, Number(state.get("gain") ?? 8));
}

show().then(
  () => (root.dataset.ready = "1"),
  (error) => (document.querySelector("#message").textContent = root.dataset.error = error.message),
);
