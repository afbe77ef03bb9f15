// Elements, and texts with values filled in. Data is never read as markup.

const SVG = "http://www.w3.org/2000/svg";

let serial = 0;
/** An id that no other element of a page has, nor of another page beside it in JupyterLab. */
export const uniqueId = (prefix) => `rx-${prefix}-${(serial += 1)}-${Math.random().toString(36).slice(2, 7)}`;

function assign(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children); // strings become text nodes: data is never read as markup
  return element;
}

/** An element with attributes and children; a string among the children becomes text. */
export const html = (tag, attributes = {}, ...children) => assign(document.createElement(tag), attributes, children);
/** The same for a part of a drawing. */
export const svg = (tag, attributes = {}, ...children) =>
  assign(document.createElementNS(SVG, tag), attributes, children);

/** Text with {name} filled in from values. */
export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The same into an element, with the values set off in bold. */
export function fillInto(element, template, values) {
  const parts = template.split(/\{(\w+)\}/); // text, name, text, name, ...
  const bold = (name) => (name in values ? html("strong", {}, String(values[name])) : `{${name}}`);
  element.replaceChildren(...parts.map((part, i) => (i % 2 ? bold(part) : part)));
}
