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
  }

  // Parts of a page that change by themselves are fetched again, as long as they say so.
  async function refresh() {
    const parts = [...document.querySelectorAll("[data-live][data-poll]")];
    if (!parts.length) return;
    await new Promise((done) => setTimeout(done, 1000 * Math.min(...parts.map((part) => part.dataset.poll))));
    if (!document.hidden) await replace(parts);
    refresh();
  }

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
      if (!latest || part.contains(document.activeElement)) continue;
      localise(latest);
      if (latest.innerHTML !== part.innerHTML) part.innerHTML = latest.innerHTML;
      if (latest.dataset.poll) part.dataset.poll = latest.dataset.poll;
      else delete part.dataset.poll;
    }
  }

  localise(document);
  refresh();
})();
