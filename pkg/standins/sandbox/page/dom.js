'use strict';

// h makes an element. Attributes whose value is false, null or undefined are left out; children may be
// nested lists. Names of SVG make SVG elements.
const svgNames = new Set(['svg', 'rect', 'title']);

function h(name, attributes, ...children) {
  const element = svgNames.has(name) ? document.createElementNS('http://www.w3.org/2000/svg', name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === false || value == null) continue;
    element.setAttribute(key, value === true ? '' : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === false || child == null) continue;
    element.append(child);
  }
  return element;
}

// morph changes an element until it is like another one, and keeps what is alike: focus, selection and
// scroll positions stay. Children with data-key are matched by it.
function morph(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  const keyed = new Map();
  for (const child of from.children) {
    if (child.dataset.key) keyed.set(child.dataset.key, child);
  }
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const key = wanted.dataset?.key;
    let have = key ? keyed.get(key) : at;
    if (!key && have?.dataset?.key) have = null;
    if (!have || have.nodeName !== wanted.nodeName) {
      from.insertBefore(wanted, at);
      continue;
    }
    if (have === at) at = at.nextSibling;
    else from.insertBefore(have, at);
    if (have.nodeType === Node.TEXT_NODE) {
      if (have.data !== wanted.data) have.data = wanted.data;
    } else morph(have, wanted);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
