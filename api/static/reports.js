// Reports: the one that is chosen, in the address as #reports:N, so that it can be shared. What is a page, a picture or a PDF has a frame
// of its own; tables and texts are taken from the page of the file, which is the one that makes them.
"use strict";
(() => {
  const at = (name) => document.getElementById(`report-${name}`);
  let awaited = null; // the key of the file that is being fetched

  // Asked again while it fetches, as at each refresh of a page that is live, it goes on waiting: a store may take longer than that.
  async function parse(view) {
    const { key, files } = view.dataset;
    if (awaited === key) return;
    awaited = key;
    const parsed = at("parsed");
    parsed.replaceChildren();
    try {
      const answer = await fetch(`${files}/file?key=${encodeURIComponent(key)}`, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (awaited === key) parsed.replaceChildren(document.adoptNode(page.getElementById("shown")));
    } catch {
      if (awaited === key) parsed.textContent = "The report could not be fetched.";
    } finally {
      if (awaited === key) awaited = null;
    }
  }

  function frame(view, title) {
    const old = at("frame");
    const framed = "framed" in view.dataset;
    const fresh = old.cloneNode(); // whether it is a sandbox counts when it loads
    if (view.dataset.key.toLowerCase().endsWith(".pdf")) fresh.removeAttribute("sandbox");
    else fresh.setAttribute("sandbox", "allow-scripts");
    fresh.title = title;
    fresh.hidden = !framed;
    if (framed) fresh.src = `${view.dataset.files}/raw?key=${encodeURIComponent(view.dataset.key)}`;
    else fresh.removeAttribute("src");
    old.replaceWith(fresh);
  }

  function show(place) {
    const select = document.getElementById("report");
    const option = select?.options[place];
    const view = at("view");
    if (!option || !view || option.dataset.key === view.dataset.key) return;
    select.selectedIndex = place;
    const { key, title } = option.dataset;
    view.dataset.key = key;
    for (const mark of ["shown", "framed"]) view.toggleAttribute(`data-${mark}`, mark in option.dataset);
    const address = `key=${encodeURIComponent(key)}`;
    at("title").textContent = title;
    at("path").textContent = key;
    at("file").href = `${view.dataset.files}/file?${address}`;
    at("raw").href = `${view.dataset.files}/raw?${address}`;
    frame(view, title);
    if ("framed" in view.dataset) {
      awaited = null;
      at("parsed").replaceChildren();
    } else parse(view);
  }

  function ofAddress() {
    const [name, place] = decodeURIComponent(location.hash.slice(1)).split(":");
    if (name === "reports" && /^\d{1,6}$/.test(place || "")) show(Number(place));
    const view = at("view");
    if (view && !("framed" in view.dataset) && !at("parsed").hasChildNodes()) parse(view);
  }

  document.addEventListener("change", (event) => {
    if (event.target.id !== "report") return;
    show(event.target.selectedIndex);
    history.replaceState(null, "", `#reports:${event.target.selectedIndex}`);
  });
  document.addEventListener("tracker:fresh", ofAddress);
  window.addEventListener("hashchange", ofAddress);
  ofAddress();
})();
