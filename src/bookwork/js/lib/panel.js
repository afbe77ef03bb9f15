// A place for something to look at: title, note, and the data behind it as a table.
import { fillInto, html, uniqueId } from "bookwork/dom";

/** A folded table; what is returned gives it a content, which costs nothing until a reader opens it. */
function dataTable(parent, label, title) {
  const head = html("thead");
  const body = html("tbody");
  const caption = html("caption");
  const table = html("table", {}, caption, head, body);
  // the box scrolls sideways on a phone, so it must be reachable by keyboard
  const scrolled = { class: "rx-scroll", tabindex: "0", role: "group", "aria-label": `${label}: ${title}` };
  const box = html("div", scrolled, table);
  const summary = html("summary", {}, label, html("span", { class: "rx-hidden" }, `: ${title}`));
  const details = html("details", { class: "rx-data" }, summary, box);
  parent.append(details);
  let content = null; // that is not in the table yet
  function write() {
    if (content === null || !details.open) return;
    caption.textContent = content.caption;
    head.replaceChildren(html("tr", {}, ...content.columns.map((text) => html("th", { scope: "col" }, text))));
    const cells = (texts) => texts.map((text) => html("td", {}, text));
    const row = ([first, ...rest]) => html("tr", {}, html("th", { scope: "row" }, first), ...cells(rest));
    body.replaceChildren(...content.rows.map(row));
    content = null;
  }
  details.addEventListener("toggle", write);
  return (next) => {
    details.hidden = !next.rows;
    content = next.rows ? next : null;
    write();
  };
}

/**
 * A place for something to look at, with its title above it, its note and its data table below.
 *
 * setTexts({ title, note?, noteValues?, caption?, table? }), the table as a chart has it; none where the content is one.
 */
export function createPanel(parent, labels, title, wide, ...content) {
  const headingId = uniqueId("title");
  const heading = html("div", { class: "rx-title", id: headingId }, title);
  const note = html("p", { class: "rx-note" });
  // no <figure>: hosts style those, and the built page puts the whole explorer into one
  const attributes = { class: `rx-figure${wide ? " rx-wide" : ""}`, role: "group", "aria-labelledby": headingId };
  const element = html("div", attributes, heading, ...content, note);
  parent.append(element);
  const setTable = dataTable(element, labels.table, title);
  function setTexts({ title: name, note: text, noteValues = {}, caption = name, table }) {
    heading.textContent = name;
    fillInto(note, text ?? "", noteValues);
    note.hidden = !text;
    setTable({ caption, ...table });
  }
  return { setTexts };
}
