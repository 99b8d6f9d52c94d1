// Filters that apply as one types, what their fields offer, and the views of the list that this browser keeps.
"use strict";
(() => {
  const TYPING_MS = 250;
  const KEPT = "tracker.views";
  let typing = 0;

  const asTyped = (form) => form instanceof HTMLFormElement && form.hasAttribute("data-as-typed");

  // ---- filters ----------------------------------------------------------------------------------------------------------
  function addressOf(form) {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
    return location.pathname + (query.toString() && `?${query}`) + location.hash;
  }

  // A form of a page that says what is wrong with its address is sent as it is: the page has no list to morph.
  document.addEventListener("submit", (event) => {
    if (!asTyped(event.target) || document.querySelector("[aria-invalid=true]")) return;
    event.preventDefault();
    clearTimeout(typing);
    const address = addressOf(event.target);
    if (address === location.pathname + location.search + location.hash) return;
    history.replaceState(null, "", address);
    document.dispatchEvent(new CustomEvent("tracker:address"));
  });

  document.addEventListener("input", (event) => {
    if (!event.target.hasAttribute("data-typed") || !asTyped(event.target.form)) return;
    clearTimeout(typing);
    typing = setTimeout(() => event.target.form.requestSubmit(), TYPING_MS);
  });

  document.addEventListener("change", (event) => {
    if (asTyped(event.target.form)) event.target.form.requestSubmit();
  });

  // ---- what the fields offer ----------------------------------------------------------------------------------------------
  document.addEventListener("focusin", async (event) => {
    const input = event.target;
    const list = input instanceof HTMLInputElement && input.getAttribute("list");
    if (!list || document.getElementById(list)) return;
    const found = await window.tracker.suggestions();
    if (document.getElementById(list)) return;
    const offered = document.createElement("datalist");
    offered.id = list;
    for (const value of found[input.name] ?? []) offered.append(Object.assign(document.createElement("option"), { value }));
    document.body.append(offered);
  });

  // ---- saved views --------------------------------------------------------------------------------------------------------
  function kept() {
    try {
      const views = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
      return Array.isArray(views) ? views.filter((v) => typeof v?.name === "string" && typeof v.query === "string") : [];
    } catch { // what somebody else wrote there, or a browser that keeps nothing
      return [];
    }
  }

  function keep(views) {
    try {
      localStorage.setItem(KEPT, JSON.stringify(views));
    } catch { // a browser that keeps nothing: the view lasts as long as the page
    }
    draw(views);
  }

  function draw(views) {
    const box = document.querySelector("#views .menu-box");
    if (!box) return;
    const items = views.map((view) => {
      const row = document.createElement("div");
      row.className = "view";
      const link = document.createElement("a");
      link.href = view.query || "/";
      link.textContent = view.name;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "copy";
      remove.textContent = "Remove";
      remove.setAttribute("aria-label", `Remove view ${view.name}`);
      remove.addEventListener("click", () => keep(kept().filter((v) => v.name !== view.name)));
      row.append(link, remove);
      return row;
    });
    const form = document.createElement("form");
    form.className = "view";
    const name = document.createElement("input");
    name.required = true;
    name.maxLength = 60;
    name.placeholder = "Name of this view";
    name.setAttribute("aria-label", "Name of this view");
    const button = document.createElement("button");
    button.textContent = "Save";
    form.append(name, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const query = new URLSearchParams(location.search);
      query.delete("page_token");
      const view = { name: name.value.trim(), query: query.toString() && `/?${query}` };
      if (view.name) keep([...kept().filter((v) => v.name !== view.name), view]);
    });
    const note = document.createElement("p");
    note.className = "meta";
    note.textContent = "Filters and order of this page, kept in this browser. To share a view, share its address.";
    box.replaceChildren(...items, form, note);
  }

  draw(kept());
})();
