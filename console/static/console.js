// Progressive: without this script every page still reads and works.
(() => {
  "use strict";
  const numbers = new Intl.NumberFormat();
  const clock = { hour: "2-digit", minute: "2-digit" };
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

  // Numbers and instants as the browser's locale and zone write them.
  function localise(root) {
    for (const one of root.querySelectorAll("data[value]")) {
      one.textContent = numbers.format(Number(one.value));
    }
    const midnight = new Date().setHours(0, 0, 0, 0);
    for (const one of root.querySelectorAll("time[datetime]")) {
      const at = new Date(one.dateTime);
      const days = Math.round((new Date(at).setHours(0, 0, 0, 0) - midnight) / 86400000);
      const time = at.toLocaleTimeString(undefined, clock);
      const day = Math.abs(days) < 2
        ? words.format(days, "day")
        : at.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
      one.textContent = `${day} ${time}`;
      one.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
    }
    for (const chart of root.querySelectorAll("svg[data-first]")) shade(chart);
  }

  // Night, behind the lines of a chart over hours or days.
  function shade(chart) {
    const first = Date.parse(chart.dataset.first), span = Date.parse(chart.dataset.last) - first;
    if (span < 3600000 || span > 14 * 86400000) return;
    const evening = new Date(first);
    evening.setDate(evening.getDate() - 1);
    evening.setHours(21, 0, 0, 0);
    for (; evening < first + span; evening.setDate(evening.getDate() + 1)) {
      const morning = new Date(evening).setHours(32, 0, 0, 0);
      const left = Math.max(0, (evening - first) / span), right = Math.min(1, (morning - first) / span);
      if (left >= right) continue;
      const night = chart.ownerDocument.createElementNS(chart.namespaceURI, "rect");
      const values = { class: "night", x: 1000 * left, y: 0, width: 1000 * (right - left), height: 240 };
      for (const [name, value] of Object.entries(values)) night.setAttribute(name, value);
      chart.prepend(night);
      chart.parentNode.querySelector("[data-night]").hidden = false;
    }
  }

  // Parts of a page that change by themselves are fetched again: when the server says that
  // something has changed, and every few seconds where it cannot say so.
  const changing = () => [...document.querySelectorAll("[data-live][data-poll]")];
  const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
  let stream = null;

  async function refresh() {
    const parts = changing();
    if (!parts.length) return;
    await pause(Math.min(...parts.map((part) => part.dataset.poll)));
    if (!document.hidden && stream?.readyState !== 1) await replace(parts);
    refresh();
  }

  function listen() {
    stream?.close();
    stream = null;
    const part = document.querySelector("[data-events][data-poll]");
    if (!part || document.hidden) return;
    let busy = false, again = false;
    stream = new EventSource(part.dataset.events);
    stream.addEventListener("campaign", async () => {
      again = true;
      if (busy) return;
      busy = true;
      while (again && changing().length) {
        again = false;
        await replace(changing());
        await pause(1);
      }
      busy = false;
    });
  }
  document.addEventListener("visibilitychange", listen);

  async function replace(parts) {
    let page;
    try {
      const answer = await fetch(location.href, { redirect: "error" });
      if (!answer.ok) return;
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      return; // The network comes back, or the session has ended: the page stays as it is.
    }
    document.title = page.title;
    for (const part of parts) {
      const latest = page.querySelector(`[data-live="${part.dataset.live}"]`);
      // What somebody is about to press must not move away below the finger.
      const active = document.activeElement;
      const opened = [...part.querySelectorAll("summary")].indexOf(active);
      if (!latest || (opened < 0 && part.contains(active))) continue;
      localise(latest);
      if (latest.innerHTML !== part.innerHTML) {
        const open = [...part.querySelectorAll("details")].map((one) => one.open);
        part.innerHTML = latest.innerHTML;
        part.querySelectorAll("details").forEach((one, index) => { one.open = open[index]; });
        if (opened >= 0) part.querySelectorAll("summary")[opened]?.focus({ preventScroll: true });
      }
      // A screen reader says each step once, whatever else is replaced.
      const said = latest.dataset.announce;
      if (said && said !== part.dataset.announce) {
        document.getElementById("announced").textContent = said;
      }
      for (const name of ["poll", "events", "announce"]) {
        if (latest.dataset[name]) part.dataset[name] = latest.dataset[name];
        else delete part.dataset[name];
      }
    }
    if (stream && !changing().length) stream.close();
  }

  // The length of a text while it is written, as the server counts it.
  function counting(text) {
    let timer = 0, asked = 0;
    text.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const mine = ++asked;
        const body = new URLSearchParams({ text: text.value, token: text.form.elements.token.value });
        const answer = await fetch(text.dataset.count, { method: "POST", body }).catch(() => null);
        if (!answer || !answer.ok || mine !== asked) return;
        const shown = document.getElementById("count");
        shown.innerHTML = await answer.text();
        localise(shown);
      }, 250);
    });
  }

  for (const text of document.querySelectorAll("textarea[data-count]")) counting(text);
  for (const group of document.querySelectorAll("[data-insert-into]")) {
    const text = document.getElementById(group.dataset.insertInto);
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const field = event.target.dataset.insert;
      if (!field) return;
      text.setRangeText(field, text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input"));
      text.focus();
    });
  }

  // Countries by their names, in their order.
  const regions = new Intl.DisplayNames(undefined, { type: "region" });
  for (const select of document.querySelectorAll("select[data-regions]")) {
    const chosen = select.value;
    const named = [...select.options].filter((one) => one.value);
    for (const one of named) one.textContent = regions.of(one.value);
    named.sort((a, b) => a.textContent.localeCompare(b.textContent));
    select.append(...named);
    select.value = chosen;
  }

  for (const one of document.querySelectorAll("[data-region]")) {
    one.textContent = regions.of(one.dataset.region);
  }

  // A time is one of the browser's zone, which the page then names.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const one of document.querySelectorAll("[data-zone]")) if (zone) one.value = zone;
  for (const one of document.querySelectorAll("[data-zone-name]")) if (zone) one.textContent = zone;
  for (const one of document.querySelectorAll("[data-checks]")) {
    one.addEventListener("input", () => { document.getElementById(one.dataset.checks).checked = true; });
  }
  for (const button of document.querySelectorAll("[data-once]")) {
    button.form.addEventListener("submit", () => { button.disabled = true; });
  }
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[data-once]")) button.disabled = false;
  });

  localise(document);
  refresh();
  listen();
})();
