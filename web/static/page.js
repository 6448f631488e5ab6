// What every page does better with a script: times in the zone of their reader, and news without a click.
function localize(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    const moment = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  }
}
// As the server sent them: what is shown has times in another zone.
const sent = new WeakMap([...document.querySelectorAll("[data-live]")].map((part) => [part, part.innerHTML]));
localize(document);

const waiting = document.querySelector("[data-reload]");
if (waiting) {
  const fields = () => [...document.querySelectorAll("textarea, input:not([type=hidden])")];
  const before = fields().map((field) => field.value).join("\n");
  setInterval(() => {
    // What someone types is not thrown away.
    if (!document.hidden && fields().map((field) => field.value).join("\n") === before) location.reload();
  }, Number(waiting.dataset.reload) * 1000);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const link = button.parentElement.querySelector("input");
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(link.value);
    button.textContent = "Copied";
  });
}

// How many are checked, beside what can be done with them.
const picked = document.querySelector("[data-picked]");
const countPicked = () => { picked.textContent = `${document.querySelectorAll("[form=selection]:checked").length} selected`; };
if (picked) {
  document.addEventListener("change", (event) => { if (event.target.matches("[form=selection]")) countPicked(); });
  countPicked();
}

// Parts of the page are replaced by those of the page as the server would show it now.
async function loadParts(url, ids) {
  const answer = await fetch(url);
  if (!answer.ok || answer.redirected) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return ids.map((id) => [document.getElementById(id), page.getElementById(id)]).filter(([old, fresh]) => old && fresh);
}

function replacePart(old, fresh) {
  if (sent.get(old) === fresh.innerHTML) return;
  sent.set(fresh, fresh.innerHTML);
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const checked = [...old.querySelectorAll("input:checked")].map((box) => box.name);
  old.replaceWith(document.adoptNode(fresh));
  for (const name of checked) for (const box of document.getElementsByName(name)) box.checked = true;
  if (focused) fresh.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  localize(fresh);
  if (picked) countPicked();
}

// Search as you type.
const find = document.getElementById("find");
const filters = document.getElementById("filters");
if (filters && matchMedia("(min-width: 62rem)").matches) filters.open = true;
if (find && document.getElementById("results")) {
  let latest = 0;
  let timer;
  find.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const asked = ++latest;
      const url = new URL(location.href);
      url.searchParams.set("q", find.value);
      url.searchParams.delete("page");
      const parts = await loadParts(url, ["results", "total"]);
      if (!parts || asked !== latest) return;
      for (const [old, fresh] of parts) replacePart(old, fresh);
      history.replaceState(null, "", url);
    }, 200);
  });
}

// News: an event names what changed. A page loads itself at most every two seconds, and rests twenty times as long as
// the server took, so that one page is never more than a twentieth of its work.
const isInUse = (part) => part.querySelector("details[open] form, input:not(.pick):focus, textarea:focus, select:focus");
if (document.querySelector("[data-live]")) {
  let source = null;
  let isBusy = false;
  const topics = new Set();
  const refresh = async () => {
    if (isBusy || document.hidden || !topics.size) return;
    const parts = [...document.querySelectorAll("[data-live]")].filter((part) => topics.has(part.dataset.live) && !isInUse(part));
    if (!parts.length) return;
    isBusy = true;
    topics.clear();
    const began = performance.now();
    const fresh = await loadParts(location.href, parts.map((part) => part.id)).catch(() => null);
    for (const [old, now] of fresh || []) replacePart(old, now);
    setTimeout(() => { isBusy = false; refresh(); }, Math.max(2000, 20 * (performance.now() - began)));
  };
  const listen = () => {
    // A hidden page holds no connection: browsers have six for each server.
    if (document.hidden) { source?.close(); source = null; return; }
    if (source) return;
    source = new EventSource("/events");
    source.addEventListener("message", (event) => { for (const topic of event.data.split(" ")) topics.add(topic); refresh(); });
  };
  document.addEventListener("visibilitychange", () => {
    listen();
    for (const part of document.querySelectorAll("[data-live]")) topics.add(part.dataset.live);
    refresh();
  });
  listen();
}

// Titles of assets as they are typed where a form asks for another asset.
for (const field of document.querySelectorAll("[data-suggest]")) {
  field.addEventListener("input", async () => {
    const typed = field.value;
    if (typed.length < 2) return;
    const answer = await fetch(`/assets?view=table&q=${encodeURIComponent(typed)}`);
    if (!answer.ok || field.value !== typed) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const titles = [...page.querySelectorAll("tbody th")].slice(0, 10).map((cell) => new Option("", cell.textContent));
    document.getElementById(field.getAttribute("list")).replaceChildren(...titles);
  });
}
