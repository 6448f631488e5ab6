// What every page does better with a script: times in the zone of their reader, and news without a click.
for (const time of document.querySelectorAll("time[data-local]")) {
  const moment = new Date(time.dateTime);
  time.title = time.textContent;
  time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

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

// Search as you type: the list is replaced by that of the page that the form would open.
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
      const answer = await fetch(url);
      if (!answer.ok || asked !== latest) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["results", "total"]) {
        const fresh = page.getElementById(id);
        if (fresh) document.getElementById(id).replaceWith(document.adoptNode(fresh));
      }
      history.replaceState(null, "", url);
    }, 200);
  });
}
