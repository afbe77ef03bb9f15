// Typesets formulas with MathJax, for bookwork.sphinx.maths: node typeset.cjs FOLDER_OF_MATHJAX
// In: {"tex": options of MathJax's TeX, "formulas": [{tex, display}]}. Out: a list of {html} or {error}, in that order.
"use strict";

const folder = process.argv[2];

// Of the page's font only this is known here: how tall its lower case letters are. Sizes are given in ex, so
// that letters of a formula are as tall as those of the text; characters that no font of MathJax has are drawn
// by the page's own font, with an em of the text.
const METRICS = { em: 16, ex: 8.5 };
const TEXT_WIDTH = 0.832; // of a Chinese character: an em of the text, in those of the formula
const LONG = 12000; // thousandths of an em: a formula in a line of text that may be broken, in parts
const SHORTEST = 3000; // of at least this
const SIGNS = /^[=<>≤≥≈∼∝≠→+−⋅×]$/;
const FLIPPED = { sx: 1, sy: -1, tx: 0, ty: 0 };
const GROUP_ATTRIBUTES = new Set(["transform", "fill", "stroke", "stroke-width"]);
const ROWS = new Set(["math", "mrow", "inferredMrow", "TeXAtom", "mstyle", "mpadded", "mtd", "msqrt", "menclose"]);
const LOOSE = new Set(["mrow", "inferredMrow", "TeXAtom", "mstyle", "mpadded"]);
const SILENT = new Set(["mspace", "mphantom", "none"]);
const SPOKEN = ["mathvariant", "linethickness", "notation"]; // attributes that change what is read aloud

const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** One element per shape and colour in place of MathJax's tree of groups, one for each letter. */
class Picture {
  constructor(adaptor) {
    this.adaptor = adaptor;
    this.paths = new Map(); // colour: data of a path
    this.texts = [];
    this.others = [];
  }

  html() {
    const colour = (fill) => (fill ? ` fill="${fill}"` : "");
    const paths = [...this.paths].map(([fill, data]) => `<path${colour(fill)} d="${data}"/>`);
    const texts = this.texts.map(({ x, y, size, fill, text }) =>
      `<text x="${Math.round(x)}" y="${Math.round(y)}" font-size="${Math.round(size)}"${colour(fill)}>${escaped(text)}</text>`);
    return [...paths, ...texts, ...this.others].join("");
  }

  /** A character that is in none of MathJax's fonts; those that follow each other are one text. */
  write(text, { sx, tx, ty }, size, fill) {
    const own = { x: tx, y: ty, size: size * sx, fill, text, end: tx + size * sx };
    const last = this.texts.at(-1);
    const next = last && last.y === own.y && last.size === own.size && last.fill === fill && Math.abs(last.end - tx) < 20;
    if (next) Object.assign(last, { text: last.text + text, end: own.end });
    else this.texts.push(own);
  }

  attribute(node, name, otherwise = 0) {
    return Number(this.adaptor.getAttribute(node, name) ?? otherwise);
  }

  /** Draw what is below a node; `place` scales and shifts, `fill` is a colour, `clip` the box of an extended sign, in
   * the units of the picture. */
  draw(node, place, fill, clip = null) {
    const { adaptor } = this;
    const kind = adaptor.kind(node);
    const named = adaptor.allAttributes(node).filter(({ name }) => !name.startsWith("data-"));
    const at = moved(place, adaptor.getAttribute(node, "transform"));
    if (kind === "path" && at && !adaptor.hasAttribute(node, "stroke-width")) {
      this.add(fill, outline(adaptor.getAttribute(node, "d"), at, clip));
    } else if (kind === "rect" && at && !named.some(({ name }) => name === "fill" || name.startsWith("stroke"))) {
      const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => this.attribute(node, name));
      this.add(fill, outline(`M${x} ${y}H${x + width}V${y + height}H${x}Z`, at, clip));
    } else if (kind === "text" && at) {
      this.write(adaptor.textContent(node), at, parseFloat(adaptor.getAttribute(node, "font-size") ?? "1000"), fill);
    } else if (kind === "svg") {
      const [left, bottom] = adaptor.getAttribute(node, "viewBox").split(" ").map(Number);
      const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => this.attribute(node, name));
      const inside = shifted(place, x - left, y - bottom);
      const end = shifted(inside, left + width, bottom + height);
      const start = shifted(inside, left, bottom);
      const [[west, east], [north, south]] = [[start.tx, end.tx], [start.ty, end.ty]].map((ends) => ends.sort((a, b) => a - b));
      for (const child of adaptor.childNodes(node)) this.draw(child, inside, fill, { west, east, north, south });
    } else if (kind === "g" && at && named.every(({ name }) => GROUP_ATTRIBUTES.has(name))) {
      const own = adaptor.getAttribute(node, "fill");
      for (const child of adaptor.childNodes(node)) this.draw(child, at, own || fill, clip);
    } else { // links, frames, strokes: as MathJax has them
      const { sx, sy, tx, ty } = place;
      const colour = fill || "currentColor";
      const group = `transform="matrix(${sx} 0 0 ${sy} ${tx} ${ty})" fill="${colour}" stroke="${colour}" stroke-width="0"`;
      this.others.push(`<g ${group}>${adaptor.outerHTML(node)}</g>`);
    }
  }

  add(fill, data) {
    this.paths.set(fill, (this.paths.get(fill) ?? "") + data);
  }
}

const shifted = ({ sx, sy, tx, ty }, x, y) => ({ sx, sy, tx: tx + sx * x, ty: ty + sy * y });

/** A place after MathJax's shifts and scales; null where there is anything else. */
function moved(place, transform) {
  let at = place;
  for (const [, name, numbers] of (transform ?? "").matchAll(/(\w+)\(([^)]*)\)/g)) {
    const [x, y] = numbers.split(/[ ,]+/).map(Number);
    if (name === "translate") at = shifted(at, x, y ?? 0);
    else if (name === "scale") at = { ...at, sx: at.sx * x, sy: at.sy * (y ?? x) };
    else return null;
  }
  return at;
}

/** Path data at a place, in whole thousandths of an em.

Only its start is absolute: the same letter of the same size has the same text wherever it stands, which packs well. */
function outline(data, { sx, sy, tx, ty }, clip) {
  const within = (value, low, high) => Math.min(Math.max(value, low), high);
  const X = (value) => Math.round(clip ? within(tx + sx * value, clip.west, clip.east) - tx : sx * value);
  const Y = (value) => Math.round(clip ? within(ty + sy * value, clip.north, clip.south) - ty : sy * value);
  let [x, y] = [-Math.round(tx), -Math.round(ty)]; // where the pen is
  let start = [x, y];
  let text = "";
  for (const [, command, numbers] of data.matchAll(/([A-Z])([^A-Z]*)/g)) {
    const values = numbers.match(/-?[\d.]+/g)?.map(Number) ?? [];
    if (command === "Z") {
      text += "z";
      [x, y] = start;
      continue;
    }
    const lengths = [];
    let end = [x, y];
    if (command === "H") {
      end = [X(values[0]), y];
      lengths.push(end[0] - x);
    } else if (command === "V") {
      end = [x, Y(values[0])];
      lengths.push(end[1] - y);
    } else {
      for (let i = 0; i < values.length; i += 2) {
        end = [X(values[i]), Y(values[i + 1])];
        lengths.push(end[0] - x, end[1] - y);
      }
    }
    [x, y] = end;
    if (command === "M") start = end;
    text += (text ? command.toLowerCase() : command) + lengths.join(" ").replaceAll(" -", "-");
  }
  return text;
}

/** MathML for those who hear a formula: what MathJax has made of it, without what only says how it looks. */
function spoken(node) {
  if (node.isKind("text")) return escaped(node.getText());
  if (SILENT.has(node.kind)) return "";
  const row = ROWS.has(node.kind);
  const parts = node.childNodes.filter(Boolean).map((child) => {
    const said = spoken(child);
    return row || node.isToken ? said : single(child, said);
  });
  const inner = parts.join("");
  if (LOOSE.has(node.kind) || (node.isToken && !inner)) return inner;
  const attributes = SPOKEN.filter((name) => node.attributes.isSet(name) && node.attributes.get(name) !== "italic")
    .map((name) => ` ${name}="${escaped(String(node.attributes.get(name))).replaceAll('"', "&quot;")}"`);
  return `<${node.kind}${attributes.join("")}>${inner}</${node.kind}>`;
}

/** A part as one element, as the parts of fractions and scripts must be. */
function single(node, said) {
  return LOOSE.has(node.kind) && elements(node) === 1 ? said : said && !LOOSE.has(node.kind) ? said : `<mrow>${said}</mrow>`;
}

/** How many elements `spoken` makes of a node. */
function elements(node) {
  if (SILENT.has(node.kind) || (node.isToken && !spoken(node))) return 0;
  if (!LOOSE.has(node.kind)) return 1;
  return node.childNodes.filter(Boolean).reduce((sum, child) => sum + elements(child), 0);
}

/** The parts of a long formula in a line of text: it may be broken before an outer sign like = or +. */
function pieces(adaptor, root, width) {
  const parts = [{ left: 0, nodes: [] }];
  let depth = 0; // of brackets
  for (const node of root) {
    const sign = adaptor.getAttribute(node, "data-mml-node") === "mo" ? characters(adaptor, node) : "";
    depth += Number("([{".includes(sign || " ")) - Number(")]}".includes(sign || " "));
    const left = depth === 0 && SIGNS.test(sign) ? moved(FLIPPED, adaptor.getAttribute(node, "transform"))?.tx : 0;
    if (left && left - parts.at(-1).left > SHORTEST && width - left > SHORTEST) parts.push({ left, nodes: [] });
    parts.at(-1).nodes.push(node);
  }
  return parts.map(({ left, nodes }, i) => ({ left, right: parts[i + 1]?.left ?? width, nodes }));
}

/** The characters that a node draws. */
const characters = (adaptor, node) =>
  adaptor.childNodes(node).map((path) => String.fromCodePoint(parseInt(adaptor.getAttribute(path, "data-c") ?? "20", 16))).join("");

function html(MathJax, tree, typeset, tex, display) {
  const { adaptor } = MathJax.startup;
  const svg = adaptor.firstChild(typeset);
  const [wide, height, box, style] = ["width", "height", "viewBox", "style"].map((name) => adaptor.getAttribute(svg, name));
  const [left, top, width, deep] = box.split(" ").map(Number);
  const drop = style?.match(/vertical-align: ([^;]+)/)?.[1];
  const shapes = adaptor.childNodes(adaptor.firstChild(svg));
  const root = shapes.length === 1 ? adaptor.childNodes(shapes[0]) : [];
  const long = !display && left === 0 && width > LONG && !adaptor.hasAttribute(shapes[0], "transform");
  const parts = long ? pieces(adaptor, root, width) : [{ left, right: left + width, nodes: shapes }];
  const drawn = parts.map((part) => {
    const picture = new Picture(adaptor);
    for (const node of part.nodes) picture.draw(node, FLIPPED, "");
    const own = part.right - part.left;
    const size = `width="${Number(((parseFloat(wide) * own) / width).toFixed(3))}ex" height="${height}"`;
    const view = [part.left, top, own, deep].map((number) => Math.round(number)).join(" ");
    return `<svg aria-hidden="true" ${size} viewBox="${view}"${drop ? ` style="vertical-align:${drop}"` : ""}>${picture.html()}</svg>`;
  });
  const said = tree.childNodes.map(spoken).join("");
  const source = `<annotation encoding="application/x-tex">${escaped(tex)}</annotation>`;
  const heard = elements(tree.childNodes[0]) === 1 ? said : `<mrow>${said}</mrow>`;
  return `<math${display ? ' display="block"' : ""}><semantics>${heard}${source}</semantics></math>${drawn.join("")}`;
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { tex: options, formulas } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  const MathJax = await require(`${folder}/node-main.js`).init({
    loader: { load: ["adaptors/liteDOM", "input/tex", "output/svg"] },
    // What a page would show in red is an error here.
    tex: { ...options, packages: { "[-]": ["noerrors", "noundefined"] }, formatError: (_, error) => { throw error; } },
    svg: { fontCache: "none" },
  });
  const { STATE } = MathJax._.core.MathItem;
  const { handleRetriesFor } = MathJax._.mathjax.mathjax;
  const results = [];
  for (const { tex, display } of formulas) {
    MathJax.startup.adaptor.options.cjkCharWidth = TEXT_WIDTH;
    MathJax.texReset();
    try {
      const tree = await handleRetriesFor(() => MathJax.startup.document.convert(tex, { display, end: STATE.CONVERT }));
      MathJax.texReset();
      const typeset = await MathJax.tex2svgPromise(tex, { display, ...METRICS });
      results.push({ html: html(MathJax, tree, typeset, tex, display) });
    } catch (error) {
      results.push({ error: error.message });
    }
    // What a formula defines ends with it: which formulas are typeset together depends on the build.
    if (/\\(?:(?:re)?newcommand|newenvironment|def|let)\b/.test(tex)) MathJax.startup.getComponents();
  }
  process.stdout.write(JSON.stringify(results));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
