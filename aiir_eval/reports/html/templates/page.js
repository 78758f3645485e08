(() => {
  const list = document.querySelector(".cases");
  if (!list) return;
  const cases = [...list.querySelectorAll(".case")];
  const text = new Map(cases.map((item) => [item, item.textContent.toLowerCase()]));
  const tools = document.querySelector(".tools");
  const search = document.getElementById("search");
  const direction = document.getElementById("direction");
  const shown = document.getElementById("shown");
  const toggle = document.getElementById("toggle");
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = direction ? direction.value : "";
    let count = 0;
    for (const item of cases) {
      const fits = (!wanted || item.dataset.direction === wanted) &&
        words.every((word) => text.get(item).includes(word));
      item.hidden = !fits;
      count += fits;
    }
    shown.textContent = `${count} of ${cases.length} shown`;
  };
  search.addEventListener("input", filter);
  if (direction) direction.addEventListener("change", filter);
  toggle.addEventListener("click", () => {
    const open = !cases.some((item) => item.open);
    for (const item of cases) item.open = open;
    toggle.textContent = open ? "Close all" : "Open all";
  });
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = cases.filter((item) => !item.open && !item.hidden);
    for (const item of closed) item.open = true;
  });
  addEventListener("afterprint", () => { for (const item of closed) item.open = false; });
  tools.hidden = cases.length < 6;
  filter();
})();
