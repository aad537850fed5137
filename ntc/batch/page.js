const body = document.querySelector("#materials tbody");
const heads = [...document.querySelectorAll("#materials th")];
const rows = [...body.rows];
const key = (row, column) => row.cells[column].dataset.key ?? row.cells[column].textContent;

function sort(column, sign) {
  const numbers = rows.every((row) => !isNaN(key(row, column)));
  const compare = numbers ? (a, b) => a - b : (a, b) => a.localeCompare(b);
  rows.sort((a, b) => sign * compare(key(a, column), key(b, column)));
  body.append(...rows);
}

heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
  const up = head.getAttribute("aria-sort") !== "ascending";
  heads.forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  sort(column, up ? 1 : -1);
}));

document.querySelector("#filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
