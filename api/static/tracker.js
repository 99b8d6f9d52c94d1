// Tabs, copy buttons, times in the reader's zone, and what is live: the same page is fetched again and morphed into this one,
// so scroll, focus, open details and typed text stay. Without this script the pages work all the same.
"use strict";
(() => {
  const timeFormat = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });

  function localTimes(within) {
    for (const time of within.querySelectorAll("time[datetime]:not([data-ago])")) {
      const moment = new Date(time.dateTime);
      if (!Number.isNaN(moment.getTime())) time.textContent = timeFormat.format(moment);
    }
    // What says how long ago has the whole time in its title: the reader's, and UTC.
    for (const time of within.querySelectorAll("time[data-ago]")) {
      const moment = new Date(time.dateTime);
      if (!Number.isNaN(moment.getTime())) time.title = `${timeFormat.format(moment)} (${time.title})`;
    }
  }

  // ---- tabs -------------------------------------------------------------------------------------------------------------
  // Each is an address, ?tab=… without this script and #… with it. What a tab needs is fetched when it is first shown.
  let current = null;

  function selectTab(page, name) {
    for (const panel of page.querySelectorAll(".panel")) panel.classList.toggle("on", panel.id === name);
    for (const link of page.querySelectorAll("#tabs a")) {
      const on = link.dataset.tab === name;
      link.classList.toggle("on", on);
      if (on) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function tabOfAddress() {
    const tabs = document.getElementById("tabs");
    if (!tabs) return null;
    const names = [location.hash.slice(1).split(":")[0], new URLSearchParams(location.search).get("tab")];
    return names.find((name) => document.getElementById("tab-" + name)) || tabs.dataset.open;
  }

  // The page's own address, with the tab that is looked at.
  function address() {
    const query = new URLSearchParams(location.search);
    if (current !== null) query.set("tab", current);
    return location.pathname + (query.toString() && `?${query}`);
  }

  async function showTab() {
    const name = tabOfAddress();
    if (name === null) return;
    current = name;
    selectTab(document, name);
    document.getElementById("tab-" + name)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    document.dispatchEvent(new CustomEvent("tracker:tab", { detail: name }));
    if (document.getElementById(name)?.hasAttribute("data-unfetched")) {
      await fetchPage(address());
      again();
    }
  }

  // ---- live -------------------------------------------------------------------------------------------------------------
  const live = document.querySelector("[data-live]");
  const whole = document.getElementById("live") || document.getElementById("main");
  let timer = 0;
  let doneAt = -Infinity; // when a form of this page last did something
  let failures = 0;
  let latest = 0;

  const morphing = {
    morphStyle: "outerHTML",
    callbacks: {
      // A tab that was fetched before stays as it was while another is looked at.
      beforeNodeMorphed: (old, fresh) => !(old instanceof Element
        && (old.hasAttribute("data-keep") || (fresh instanceof Element && fresh.hasAttribute("data-unfetched") && !old.hasAttribute("data-unfetched")))),
      beforeNodeRemoved: (old) => !(old instanceof Element && old.hasAttribute("data-keep")),
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
    },
  };

  function take(page) {
    const fresh = page.getElementById(whole.id);
    if (!fresh) return;
    if (current !== null) selectTab(page, page.getElementById(current) ? current : "overview");
    localTimes(fresh);
    document.dispatchEvent(new CustomEvent("tracker:taking", { detail: fresh }));
    // What is typed stays; any other thing with the focus, such as a button, is drawn anew like the rest.
    const ignoreActiveValue = Boolean(document.activeElement?.matches("input, textarea, select"));
    Idiomorph.morph(whole, fresh, { ...morphing, ignoreActiveValue });
    document.title = page.title;
    const icon = page.querySelector("link[rel=icon]");
    const mine = document.querySelector("link[rel=icon]");
    if (icon && mine && mine.getAttribute("href") !== icon.getAttribute("href")) mine.setAttribute("href", icon.getAttribute("href"));
    document.dispatchEvent(new CustomEvent("tracker:fresh"));
  }

  // A sign at the edge of the page; `link`, if given, is where it leads.
  function sign(id, on, text, link) {
    let found = document.getElementById(id);
    if (on && !found) {
      found = document.createElement("p");
      found.id = id;
      found.className = "offline";
      found.setAttribute("role", "status");
      found.append(text);
      if (link) {
        const anchor = document.createElement("a");
        anchor.textContent = link;
        found.append(" ", anchor);
      }
      document.body.append(found);
    } else if (!on && found) found.remove();
    return on ? found : null;
  }

  // What is typed stays: the page is left as it is, and the login leads back to this tab. Once there is a login again, as from
  // another window, the sign goes.
  function loggedOut(is) {
    const shown = sign("logged-out", is, "Your login has ended. What you typed is still here.", "Log in");
    if (shown) shown.querySelector("a").href = "/login?next=" + encodeURIComponent(location.pathname + location.search + location.hash);
  }

  const isLogin = (answer) => answer.status === 401 || (answer.redirected && new URL(answer.url).pathname === "/login");

  async function fetchPage(address) {
    const turn = ++latest;
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      failures = 0;
      loggedOut(isLogin(answer));
      if (turn === latest && !isLogin(answer)) take(page);
    } catch {
      failures += 1;
    }
    sign("offline", failures > 1, "The tracker does not answer. What you see may be old; it is asked again.");
  }

  function again() {
    clearTimeout(timer);
    // What was done here is shown once it is projected, which may take longer than the server waits for it.
    const seconds = Date.now() - doneAt < 30_000 ? 3 : Number(whole?.dataset.live || 0);
    if (seconds > 0) timer = setTimeout(poll, Math.min(30, seconds * 2 ** Math.min(failures, 4)) * 1000);
  }

  async function poll() {
    if (document.visibilityState === "visible") await fetchPage(address());
    again();
  }

  // ---- what people do ---------------------------------------------------------------------------------------------------
  // The text of the button itself, the one that stands before it, the whole one that its page shows cut, or the one beside it.
  async function textOf(button) {
    if (button.dataset.copy) return button.dataset.copy;
    if (button.hasAttribute("data-copy-beside")) return button.previousElementSibling.title || button.previousElementSibling.textContent;
    if (!button.dataset.copyFrom) return button.closest(".snippet").querySelector("pre").textContent;
    const answer = await fetch(button.dataset.copyFrom, { cache: "no-store" });
    if (!answer.ok || isLogin(answer)) throw new Error(String(answer.status));
    return answer.text();
  }

  async function copy(button) {
    button.dataset.caption ||= button.textContent;
    const say = (word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = button.dataset.caption; }, 1500);
    };
    const text = await textOf(button).catch(() => null);
    if (text === null) return say("Not copied");
    try {
      await navigator.clipboard.writeText(text);
    } catch { // not a secure context
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    say("Copied");
  }

  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    const target = event.target instanceof Element ? event.target : null;
    const button = target?.closest("button[data-copy]");
    if (button) copy(button);
    const tab = target?.closest("a[data-tab]");
    if (tab && plain) {
      event.preventDefault();
      const query = new URLSearchParams(location.search);
      query.delete("tab");
      history.pushState(null, "", `${location.pathname}${query.toString() && `?${query}`}#${tab.dataset.tab}`);
      showTab();
    }
    const swap = target?.closest("a[data-swap]");
    if (swap && plain) {
      event.preventDefault();
      history.replaceState(null, "", swap.getAttribute("href") + location.hash);
      fetchPage(address()).then(again);
    }
  });

  // Another script has changed the address.
  document.addEventListener("tracker:address", () => fetchPage(address()).then(again));

  // Forms that change something are sent as they would be, once it is sure that the login still holds: else what was typed
  // were gone. Those of small things stay on the page, which is then fetched again and morphed.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post" || form.getAttribute("action") === "/login") return;
    event.preventDefault();
    if (!form.hasAttribute("data-quiet")) {
      const holds = await fetch("/docs", { headers: { Accept: "text/html" }, cache: "no-store" }) // a small page
        .then((answer) => !isLogin(answer), () => true); // a tracker that is away says so itself
      return holds ? form.submit() : loggedOut(true);
    }
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    if (answer?.status === 401) return loggedOut(true);
    if (answer?.type !== "opaqueredirect") return form.submit(); // the page of the error says what is wrong
    form.reset();
    doneAt = Date.now();
    await fetchPage(address());
    again();
  });

  // The address that a browser was sent away from keeps its tab, which no server sees.
  const next = document.querySelector("form[action='/login'] input[name=next]");
  if (next && location.hash && !next.value.includes("#")) next.value += location.hash;

  // What is typed or picked without a zone means this browser's, and the address says which, so that it can be shared.
  function withZone(text) {
    const parts = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text.trim());
    if (!parts) return text;
    const [year, month, day, hour, minute, second] = parts.slice(1).map((part) => Number(part ?? 0));
    const east = -new Date(year, month - 1, day, hour, minute, second).getTimezoneOffset();
    const two = (n) => String(n).padStart(2, "0");
    const offset = `${east < 0 ? "-" : "+"}${two(Math.floor(Math.abs(east) / 60))}:${two(Math.abs(east) % 60)}`;
    return `${parts[1]}-${parts[2]}-${parts[3]}T${two(hour)}:${two(minute)}:${two(second)}${offset}`;
  }

  document.addEventListener("change", (event) => {
    const name = event.target instanceof HTMLInputElement && event.target.dataset.picks;
    if (name && event.target.value) event.target.form.elements[name].value = withZone(event.target.value);
  });
  document.addEventListener("submit", (event) => {
    for (const input of event.target.querySelectorAll("input.moment")) input.value = withZone(input.value);
  }, true);

  function closeMenus(but) {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== but) menu.open = false;
  }

  document.addEventListener("click", (event) => closeMenus(event.target instanceof Element && event.target.closest("details.menu")));

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      document.querySelector("details.menu[open] > summary")?.focus();
      closeMenus(null);
    }
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.target instanceof Element)) return;
    if (event.key === "/" && !event.target.closest("input, textarea, select")) {
      const search = [...document.querySelectorAll("input[name=search]")].find((i) => i.offsetParent !== null);
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
    if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && event.target.closest("#tabs a")) {
      const all = [...document.querySelectorAll("#tabs a")];
      const next = all[(all.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : -1) + all.length) % all.length];
      event.preventDefault();
      next.focus();
      next.click();
    }
  });

  window.addEventListener("hashchange", showTab);
  window.addEventListener("popstate", showTab);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible" && live) poll(); });

  localTimes(document);
  showTab();
  if (live) again();
})();
