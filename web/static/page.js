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
document.querySelector(".bar nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

const waiting = document.querySelector("[data-reload]");
if (waiting) {
  const fields = () => [...document.querySelectorAll("textarea, input:not([type=hidden])")];
  const before = fields().map((field) => field.value).join("\n");
  setInterval(() => {
    // What someone types is not thrown away.
    if (!document.hidden && fields().map((field) => field.value).join("\n") === before) location.reload();
  }, Number(waiting.dataset.reload) * 1000);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const link = button.parentElement.querySelector("input");
  link.select();
  // Browsers have a clipboard for pages by HTTPS alone.
  await navigator.clipboard?.writeText(link.value);
  button.textContent = navigator.clipboard ? "Copied" : "Selected";
});

// How many are checked, beside what can be done with them.
const picked = document.querySelector("[data-picked]");
const countPicked = () => { picked.textContent = `${document.querySelectorAll("[form=selection]:checked").length} selected`; };
if (picked) {
  document.addEventListener("change", (event) => { if (event.target.matches("[form=selection]")) countPicked(); });
  // Browsers check boxes again on the way back, after scripts ran.
  addEventListener("pageshow", countPicked);
  countPicked();
}

// Parts of the page are replaced by those of the page as the server would show it now.
const parsePage = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");
const pairParts = (page, ids) => ids.map((id) => [document.getElementById(id), page.getElementById(id)]).filter(([old, fresh]) => old && fresh);
async function loadParts(url, ids) {
  const answer = await fetch(url);
  return answer.ok && !answer.redirected ? pairParts(await parsePage(answer), ids) : null;
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

// Forms and links in a part of the page work without leaving it, so that a clip keeps its moment.
async function changePart(part, origin, url, options) {
  if (origin.dataset.busy) return;
  origin.dataset.busy = "1";
  const answer = await fetch(url, options).catch(() => null);
  const page = answer && await parsePage(answer);
  const fresh = page?.getElementById(part.id);
  delete origin.dataset.busy;
  if (!fresh) {
    if (answer?.redirected) { location.assign(answer.url); return; }
    const wrong = origin.querySelector(".wrong") || origin.appendChild(document.createElement("p"));
    wrong.className = "wrong";
    wrong.setAttribute("role", "alert");
    wrong.textContent = page?.querySelector("main [role=alert], main h1")?.textContent || "The server does not answer. Please try again.";
    return;
  }
  const others = [...document.querySelectorAll("[data-live], [data-with]")].filter((one) => !part.contains(one) && !isInUse(one));
  for (const [old, now] of pairParts(page, others.map((one) => one.id))) replacePart(old, now);
  const typed = origin.matches("a") && part.querySelector("textarea")?.value;
  part.replaceWith(document.adoptNode(fresh));
  if (typed) fresh.querySelector("textarea").value = typed;
  localize(fresh);
  const next = fresh.querySelector("[aria-invalid]") || (origin.matches("a") && fresh.querySelector("textarea")) || fresh.querySelector("h2");
  if (next.matches("h2")) next.tabIndex = -1;
  next.focus({ preventScroll: next.matches("h2") });
}
document.addEventListener("submit", (event) => {
  const form = event.target, part = form.closest("[data-part]");
  if (!part) return;
  event.preventDefault();
  const fields = new FormData(form);
  if (event.submitter?.name) fields.append(event.submitter.name, event.submitter.value);
  const body = new URLSearchParams(fields);
  if (form.method === "post") changePart(part, form, form.action, { method: "POST", body });
  else changePart(part, form, `${form.action.split("#")[0]}?${body}`);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-part] a[data-inside]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  changePart(link.closest("[data-part]"), link, link.href);
});

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
