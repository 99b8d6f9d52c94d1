// Keys of every page: j and k go through a table, Ctrl-K finds runs, pipelines and pages, ? says which keys there are.
"use strict";
(() => {
  const KEYS = [
    ["/", "Search"], ["Ctrl K", "Go to a run, a pipeline or a page"], ["j, k", "Next and previous row"], ["Enter", "Open the row"],
    ["← →", "Between tabs"], ["Esc", "Close"], ["?", "These keys"],
  ];
  const SEARCH_MS = 150;
  const MOST = 6;

  let asked = null;
  window.tracker = {
    // What filters and the palette offer; asked once a page.
    suggestions() {
      asked ??= fetch("/suggestions.json", { headers: { Accept: "application/json" } })
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
        .catch(() => { asked = null; return {}; }); // asked again the next time
      return asked;
    },
  };

  function element(name, options = {}, ...children) {
    const made = Object.assign(document.createElement(name), options);
    made.append(...children);
    return made;
  }

  function dialog(id, label) {
    let found = document.getElementById(id);
    if (found) return [found, false];
    found = element("dialog", { id, className: "sheet" });
    found.setAttribute("aria-label", label);
    found.addEventListener("click", (event) => { if (event.target === found) found.close(); });
    document.body.append(found);
    return [found, true];
  }

  // ---- help -------------------------------------------------------------------------------------------------------------
  function help() {
    const [sheet, fresh] = dialog("keys", "Keys");
    if (fresh) {
      const rows = KEYS.map(([key, what]) => element("tr", {}, element("th", { scope: "row" }, element("kbd", { textContent: key })), element("td", { textContent: what })));
      const close = element("button", { type: "button", textContent: "Close" });
      close.addEventListener("click", () => sheet.close());
      sheet.append(element("h2", { textContent: "Keys" }), element("table", {}, element("tbody", {}, ...rows)), element("p", {}, close));
    }
    sheet.showModal();
  }

  // ---- palette ------------------------------------------------------------------------------------------------------------
  let turn = 0;
  let waiting = 0;

  const has = (text, words) => words.every((word) => text.toLowerCase().includes(word));

  async function choices(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const pages = [...document.querySelectorAll("header nav[aria-label=Site] a")].map((a) => ["page", a.textContent, a.getAttribute("href")]);
    const runs = text
      ? await fetch(`/api/v1/runs?page_size=${MOST}&search=${encodeURIComponent(text)}`).then((a) => (a.ok ? a.json() : { runs: [] }), () => ({ runs: [] }))
      : { runs: [] };
    const { pipeline = [] } = await window.tracker.suggestions();
    return [
      ...runs.runs.map((r) => ["run", r.name, `/runs/${encodeURIComponent(r.id)}`, r.status]),
      ...pipeline.filter((name) => has(name, words)).slice(0, MOST).map((name) => ["pipeline", name, `/pipelines/${encodeURIComponent(name)}`]),
      ...pages.filter(([, name]) => has(name, words)),
    ];
  }

  function palette() {
    const [sheet, fresh] = dialog("palette", "Go to");
    if (fresh) build(sheet);
    const input = sheet.querySelector("input");
    input.value = "";
    sheet.showModal();
    fill(sheet);
  }

  function build(sheet) {
    const input = element("input", { type: "text", placeholder: "Go to a run, a pipeline or a page", autocomplete: "off", maxLength: 200 });
    for (const [name, value] of Object.entries({ role: "combobox", "aria-label": "Go to", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list" })) input.setAttribute(name, value);
    const list = element("ul", { id: "palette-list" });
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Found");
    sheet.append(input, list);
    input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => fill(sheet), SEARCH_MS); });
    input.addEventListener("keydown", (event) => {
      const all = [...list.children];
      const at = all.findIndex((li) => li.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (all.length) select(input, all, (at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length);
      } else if (event.key === "Enter" && at >= 0) {
        event.preventDefault();
        location.assign(all[at].dataset.href);
      }
    });
    list.addEventListener("click", (event) => {
      const found = event.target.closest("li[data-href]");
      if (found) location.assign(found.dataset.href);
    });
  }

  function select(input, all, at) {
    all.forEach((li, n) => li.setAttribute("aria-selected", String(n === at)));
    if (all[at]) input.setAttribute("aria-activedescendant", all[at].id);
    else input.removeAttribute("aria-activedescendant");
    all[at]?.scrollIntoView({ block: "nearest" });
  }

  async function fill(sheet) {
    const mine = ++turn;
    const input = sheet.querySelector("input");
    const text = input.value.trim();
    const found = await choices(text);
    if (mine !== turn) return;
    sheet.dataset.of = text; // what the list answers
    const items = found.map(([kind, name, href, status], n) => {
      const item = element("li", { id: `palette-${n}` }, element("span", { textContent: name }), element("span", { className: "meta", textContent: status ? `${kind}, ${status}` : kind }));
      item.setAttribute("role", "option");
      item.dataset.href = href;
      return item;
    });
    const list = sheet.querySelector("ul");
    list.replaceChildren(...items);
    list.hidden = !items.length;
    select(input, items, 0);
  }

  // ---- rows -------------------------------------------------------------------------------------------------------------
  function step(by) {
    const links = [...document.querySelectorAll("main tbody tr > th[scope=row] > a")].filter((a) => a.offsetParent !== null);
    if (!links.length) return false;
    const row = document.activeElement?.closest("tr");
    const at = links.findIndex((a) => a.closest("tr") === row);
    links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + by))].focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return palette();
    }
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.target instanceof Element)) return;
    if (event.target.closest("input, textarea, select, dialog")) return;
    if (event.key === "?") { event.preventDefault(); help(); }
    if ((event.key === "j" || event.key === "k") && step(event.key === "j" ? 1 : -1)) event.preventDefault();
  });
})();
