// What scrolls can be reached and scrolled without a mouse.
const reachable = (within) => {
  for (const place of within.querySelectorAll(".scroll, pre")) {
    if (place.closest("details:not([open])")) continue; // asking would lay it out
    if (place.scrollWidth <= place.clientWidth && place.scrollHeight <= place.clientHeight) continue;
    const title = place.closest("section, .case")?.querySelector("h2, h3, .id");
    place.tabIndex = 0;
    place.setAttribute("role", "group");
    if (!place.ariaLabel) place.ariaLabel = title ? title.textContent : "scrolls";
  }
};
reachable(document);
addEventListener("resize", () => reachable(document));
// Of many that are opened at once, each is seen to when it comes near the screen.
const later = new WeakMap();
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    later.get(entry.target)?.();
    reachable(entry.target);
  }
}, { rootMargin: "600px" });
addEventListener("toggle", (event) => {
  if (event.target.open && !later.has(event.target)) reachable(event.target);
}, true);

(() => {
  const list = document.querySelector(".cases");
  if (!list) return;
  const cases = [...list.querySelectorAll(".case")];
  const rank = new Map(cases.map((item, index) => [item, index]));
  const texts = new Map();
  const textOf = (item) => {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  };
  const tools = document.querySelector(".tools");
  const search = document.getElementById("search");
  const filters = [...tools.querySelectorAll("select[data-key]")];
  const order = document.getElementById("order");
  const shown = document.getElementById("shown");
  const toggle = document.getElementById("toggle");
  let visible = cases;

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    visible = cases.filter((item) => {
      const fits = filters.every((one) => !one.value || item.dataset[one.dataset.key] === one.value) &&
        words.every((word) => textOf(item).includes(word));
      item.hidden = !fits;
      return fits;
    });
    shown.textContent = `${visible.length} of ${cases.length} shown`;
  };
  const sort = () => {
    const key = order.value;
    const value = (item) => key ? item.dataset[key] : rank.get(item);
    const numeric = !key || key === "change";
    cases.sort((a, b) => (numeric ? value(a) - value(b) : value(a).localeCompare(value(b))) ||
      rank.get(a) - rank.get(b));
    list.append(...cases);
    filter();
  };
  for (const one of filters) {
    const levels = [...new Set(cases.map((item) => item.dataset[one.dataset.key]))].filter(Boolean).sort();
    for (const level of levels) one.add(new Option(level.replaceAll("_", " "), level));
    one.hidden = levels.length < 2;
    one.addEventListener("change", filter);
  }
  search.addEventListener("input", filter);
  if (order) order.addEventListener("change", sort);
  toggle.addEventListener("click", () => {
    const open = !visible.some((item) => item.open);
    for (const item of visible) {
      if (open && !item.open && visible.length > 40) { later.set(item, () => compare(item)); near.observe(item); }
      item.open = open;
    }
    toggle.textContent = open ? "Close all" : "Open all";
  });

  // Words of one side that the other side lacks, by the longest common subsequence.
  const MOST = 4e6;
  const split = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
  const common = (a, b) => {
    const kept = [new Uint8Array(a.length), new Uint8Array(b.length)];
    let start = 0, endA = a.length, endB = b.length;
    while (start < endA && start < endB && a[start] === b[start]) {
      kept[0][start] = kept[1][start] = 1; start += 1;
    }
    while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
      endA -= 1; endB -= 1; kept[0][endA] = kept[1][endB] = 1;
    }
    const rows = endA - start, columns = endB - start;
    if (rows * columns > MOST) return kept;
    const best = Array.from({ length: rows + 1 }, () => new Uint16Array(columns + 1));
    for (let i = rows - 1; i >= 0; i -= 1)
      for (let j = columns - 1; j >= 0; j -= 1)
        best[i][j] = a[start + i] === b[start + j] ? best[i + 1][j + 1] + 1
          : Math.max(best[i + 1][j], best[i][j + 1]);
    for (let i = 0, j = 0; i < rows && j < columns;) {
      if (a[start + i] === b[start + j]) { kept[0][start + i] = kept[1][start + j] = 1; i += 1; j += 1; }
      else if (best[i + 1][j] >= best[i][j + 1]) i += 1;
      else j += 1;
    }
    return kept;
  };
  const paint = (place, words, kept, tag) => {
    place.textContent = "";
    let run = "", same = true;
    const flush = () => {
      if (!run) return;
      if (same) place.append(run);
      else {
        const mark = document.createElement(tag);
        mark.textContent = run.trimEnd() || run;
        place.append(mark, run.slice(mark.textContent.length));
      }
      run = "";
    };
    words.forEach((word, index) => {
      const now = Boolean(kept[index]) || (!same && !word.trim());
      if (now !== same && !(word.trim() === "" && !same)) { flush(); same = now; }
      run += word;
    });
    flush();
  };
  const compare = (item) => {
    const places = item.querySelectorAll(".sides pre");
    if (item.dataset.compared || places.length !== 2) return;
    item.dataset.compared = "1";
    const [before, after] = [...places].map((place) => split(place.textContent));
    const kept = common(before, after);
    if (!kept[0].some(Boolean)) return;
    paint(places[0], before, kept[0], "del");
    paint(places[1], after, kept[1], "ins");
  };
  list.addEventListener("toggle", (event) => {
    if (event.target.open && !later.has(event.target)) compare(event.target);
  }, true);

  // j and k (or the arrows) go from case to case, / to the search.
  const typing = (target) => target.matches("input, select, textarea");
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target === search) {
      search.value = ""; filter(); search.blur(); return;
    }
    if (typing(event.target)) return;
    if (event.key === "/") { event.preventDefault(); search.focus(); return; }
    const inside = event.target.closest(".case");
    const arrow = inside && event.target.matches("summary");
    const step = event.key === "j" || (arrow && event.key === "ArrowDown") ? 1
      : event.key === "k" || (arrow && event.key === "ArrowUp") ? -1 : 0;
    if (!step || !visible.length) return;
    event.preventDefault();
    const at = inside ? visible.indexOf(inside) + step : step > 0 ? 0 : visible.length - 1;
    const next = visible[Math.min(Math.max(at, 0), visible.length - 1)].querySelector("summary");
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  });

  const UNFOLDED_ON_PAPER = 12; // the others are a line each, unless the reader has opened them
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = visible.slice(0, UNFOLDED_ON_PAPER).filter((item) => !item.open);
    for (const item of closed) item.open = true;
  });
  addEventListener("afterprint", () => { for (const item of closed) item.open = false; });
  tools.hidden = cases.length < 6;
  shown.textContent = `${cases.length} of ${cases.length} shown`;
})();
