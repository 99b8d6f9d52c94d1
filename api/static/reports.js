// Reports: the one that is chosen, in the address as #reports:N, so that it can be shared.
"use strict";
(() => {
  function show(place) {
    const select = document.getElementById("report");
    const option = select?.options[place];
    const frame = document.getElementById("report-frame");
    if (!option || !frame) return;
    select.selectedIndex = place;
    const key = encodeURIComponent(option.dataset.key);
    const files = document.getElementById("report-view").dataset.files;
    document.getElementById("report-title").textContent = option.dataset.title;
    document.getElementById("report-path").textContent = option.dataset.key;
    document.getElementById("report-file").href = `${files}/file?key=${key}`;
    document.getElementById("report-raw").href = `${files}/raw?key=${key}`;
    const fresh = frame.cloneNode(); // whether it is a sandbox counts when it loads
    if (option.dataset.key.toLowerCase().endsWith(".pdf")) fresh.removeAttribute("sandbox");
    else fresh.setAttribute("sandbox", "allow-scripts");
    fresh.title = option.dataset.title;
    if ("shown" in option.dataset) fresh.src = `${files}/raw?key=${key}`;
    else fresh.removeAttribute("src");
    frame.replaceWith(fresh);
  }

  function ofAddress() {
    const [name, place] = decodeURIComponent(location.hash.slice(1)).split(":");
    if (name === "reports" && /^\d{1,6}$/.test(place || "")) show(Number(place));
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
