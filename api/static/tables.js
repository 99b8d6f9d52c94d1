// Tables that no address sorts: a click on a heading sorts the rows that stand there, a second one turns them round. What was
// chosen stays when the page is fetched again: the fresh page is sorted before it is morphed into this one, so nothing jumps.
"use strict";
(() => {
  // The units in which the pages write figures, each with what it is of its first: ms, bytes, grams.
  const UNITS = {
    ms: 1, s: 1e3, min: 6e4, h: 3.6e6, d: 8.64e7,
    B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40,
    mg: 1e-3, g: 1, kg: 1e3, t: 1e6,
  };
  const byWords = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const chosen = new Map(); // a table's name → { column, descending }

  const nameOf = (table) => table.id || table.closest(".wide").getAttribute("aria-label");

  // "1 h 5 min", "2.1 GiB", "$1,204.50": one figure, in the smallest of its units. NaN where there is none.
  function figure(text) {
    let sum = NaN;
    for (const [, number, unit] of text.replaceAll(",", "").matchAll(/(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?) ?([A-Za-z]*)/g)) {
      if (Number.isNaN(sum)) sum = Number(number) * (UNITS[unit] ?? 1);
      else if (unit in UNITS) sum += Number(number) * UNITS[unit];
      else break;
    }
    return sum;
  }

  function cellAt(row, column) {
    for (const cell of row.cells) {
      column -= cell.colSpan;
      if (column < 0) return cell;
    }
    return null;
  }

  // What a cell says, as a number or text; null where it says nothing, which comes last either way.
  function valueOf(cell) {
    const text = cell?.textContent.trim() ?? "";
    if (text === "" || text === "–") return null;
    const time = cell.querySelector("time[datetime]");
    if (time && time.textContent.trim() === text) return Date.parse(time.dateTime);
    if (!cell.classList.contains("number")) return text;
    const number = figure(text);
    return Number.isNaN(number) ? text : number;
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return byWords.compare(String(a), String(b));
  }

  // A table with one body is sorted by its rows, one with several, which hold rows that belong together, by these.
  function sort(table, { column, descending }) {
    const groups = table.tBodies.length > 1 ? [...table.tBodies] : [...table.tBodies[0].rows];
    const keyed = groups.map((group) => ({ group, value: valueOf(cellAt(group.rows?.[0] ?? group, column)) }));
    keyed.sort((a, b) => (a.value === null || b.value === null
      ? (a.value === null) - (b.value === null)
      : compare(a.value, b.value) * (descending ? -1 : 1)));
    groups[0]?.parentNode.append(...keyed.map((k) => k.group));
  }

  // [heading, column] of each heading that is over one column, in a head of one row or of several.
  function headings(table) {
    const found = [];
    const taken = [...table.tHead.rows].map(() => []);
    [...table.tHead.rows].forEach((row, place) => {
      let column = 0;
      for (const head of row.cells) {
        while (taken[place][column]) column += 1;
        for (const below of taken.slice(place, place + head.rowSpan)) {
          for (let across = 0; across < head.colSpan; across += 1) below[column + across] = true;
        }
        if (head.colSpan === 1) found.push([head, column]);
        column += head.colSpan;
      }
    });
    return found;
  }

  function mark(table) {
    const now = chosen.get(nameOf(table));
    headings(table).forEach(([head, column]) => {
      const button = head.querySelector("button.sorts");
      if (!button) return;
      const on = now?.column === column;
      if (on) head.setAttribute("aria-sort", now.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      button.querySelector(".way").textContent = on && now.descending ? "▼" : "▲";
    });
  }

  function prepare(within) {
    for (const table of within.querySelectorAll(".wide > table:not([data-rows-differ])")) { // each of whose rows is of another kind
      if (!table.tHead || !table.tBodies.length || table.tHead.querySelector("a[data-swap], button.sorts")) continue;
      for (const [head] of headings(table)) {
        if (!head.textContent.trim() || head.querySelector(".hidden, input, button")) continue;
        const button = document.createElement("button");
        button.type = "button";
        button.className = "sorts";
        button.title = "Sort these rows";
        button.append(...head.childNodes);
        const way = document.createElement("span");
        way.className = "way";
        way.setAttribute("aria-hidden", "true");
        button.append(way);
        head.append(button);
      }
      mark(table);
      if (chosen.has(nameOf(table))) sort(table, chosen.get(nameOf(table)));
    }
  }

  document.addEventListener("click", (event) => {
    const head = event.target instanceof Element && event.target.closest("button.sorts")?.parentElement;
    if (!head) return;
    const table = head.closest("table");
    const [, column] = headings(table).find(([other]) => other === head);
    const now = chosen.get(nameOf(table));
    const descending = now?.column === column ? !now.descending : head.classList.contains("number");
    chosen.set(nameOf(table), { column, descending });
    mark(table);
    sort(table, chosen.get(nameOf(table)));
  });

  document.addEventListener("tracker:taking", (event) => prepare(event.detail));
  prepare(document);
})();
