// What the page adds where scripts run: tables sort, charts answer to the pointer and their legends, the evidence of a
// verdict is open on paper. Without scripts all of it is there to read.

// The number with which a cell begins; a name such as layers-1 has none.
const number = text => {
  const found = text.replace(/,/g, "").match(/^(?:at least )?([-+]?\d*\.?\d+(?:e[-+]?\d+)?)/i);
  return found ? Number(found[1]) : NaN;
};

function sort(table, column, heading) {
  const isRising = heading.getAttribute("aria-sort") !== "ascending";
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", isRising ? "ascending" : "descending");
  const body = table.tBodies[0];
  // What needs no network stays below the networks.
  const isAside = row => row.classList.contains("aside");
  const asides = [...body.rows].filter(isAside);
  const others = [...body.rows].filter(row => !isAside(row));
  const rows = others.map(row => ({row, text: row.cells[column].textContent.trim()}));
  // The first column has names, even where they begin with a digit.
  const isOfNumbers = column > 0 && rows.filter(({text}) => !Number.isNaN(number(text))).length > rows.length / 2;
  const compare = isOfNumbers
    ? (one, two) => number(one.text) - number(two.text)
    : (one, two) => one.text.localeCompare(two.text, "en", {numeric: true});
  // What is no number stays last, whichever way the others are sorted.
  const hasNone = ({text}) => isOfNumbers && Number.isNaN(number(text));
  rows.sort((one, two) => hasNone(one) - hasNone(two) || (hasNone(one) ? 0 : (isRising ? 1 : -1) * compare(one, two)));
  body.append(...rows.map(({row}) => row), ...asides);
}

for (const table of document.querySelectorAll("main table")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    button.title = "sort by this column";
    button.addEventListener("click", () => sort(table, column, heading));
    heading.append(button);
  });
}

// Nothing else tells that a chart answers.
function hint() {
  const told = document.createElement("span");
  told.className = "hint";
  told.textContent = "Point at a mark to read it. Press a name in the legend to see it alone, with Shift more of them.";
  return told;
}

async function enliven(figure) {
  const picture = figure.querySelector("img");
  const place = document.createElement("div");
  place.className = "live";
  const text = figure.querySelector("script").textContent;
  const {$schema, ...spec} = JSON.parse(text);
  // The interpreter, because the page's policy allows no code made of text.
  await vegaEmbed(place, spec, {mode: "vega-lite", renderer: "svg", ast: true, actions: false});
  const drawn = place.querySelector("svg");
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-label", picture.alt);
  picture.replaceWith(place);
  if (text.includes('"bind": "legend"')) figure.querySelector("figcaption").append(hint());
}

const observer = new IntersectionObserver(entries => {
  for (const {isIntersecting, target} of entries) {
    if (!isIntersecting) continue;
    observer.unobserve(target);
    enliven(target);
  }
}, {rootMargin: "600px"});
for (const figure of document.querySelectorAll("figure[data-live]")) observer.observe(figure);

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(one => { one.open = true; }));
