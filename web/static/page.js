// What every page does better with a script: times in the zone of their reader, and news without a click.
"use strict";

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
