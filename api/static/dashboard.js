// The dashboard: one box selects all runs of the page, and what is selected is counted. Without this script each box works by itself.
"use strict";
(() => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];

  function size(bytes) {
    let unit = 0;
    while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
    return `${bytes.toFixed(unit ? 1 : 0)} ${units[unit]}`;
  }

  const boxes = () => [...document.querySelectorAll("input[name=run]")];

  function count() {
    const told = document.getElementById("selected");
    if (!told) return;
    const every = boxes();
    const chosen = every.filter((box) => box.checked);
    const bytes = chosen.reduce((sum, box) => sum + Number(box.dataset.bytes), 0);
    told.textContent = chosen.length ? `${chosen.length} run${chosen.length > 1 ? "s" : ""}, ${size(bytes)}` : "none selected";
    const all = document.getElementById("all");
    if (!all) return;
    all.checked = every.length > 0 && chosen.length === every.length;
    all.indeterminate = chosen.length > 0 && chosen.length < every.length;
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "all") for (const box of boxes()) box.checked = event.target.checked;
    count();
  });
  document.addEventListener("tracker:fresh", count);
  count();
})();
