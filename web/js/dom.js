/**
 * The page's only way to make elements. Text always becomes a text node, so that nothing
 * a transcriber or a session's name contains can turn into markup.
 */

/**
 * Makes an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes] `true` sets an empty attribute;
 *   `false`, `null` and `undefined` leave it out
 * @param {...(Node | string | null)} children strings become text nodes
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) {
    if (child !== null) element.append(child);
  }
  return element;
}

/**
 * Makes a push button.
 *
 * @param {string} label what it shows
 * @param {() => void} press what it does
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @returns {HTMLButtonElement}
 */
export function button(label, press, attributes = {}) {
  const element = h('button', { type: 'button', class: 'button', ...attributes }, label);
  element.addEventListener('click', press);
  return element;
}

/**
 * Sets an element's text only when it changed, so that live regions speak once.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
