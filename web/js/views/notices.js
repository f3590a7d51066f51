/** Banners above the content: what is wrong, and what the reader can do about it. */

import { button, h } from '../dom.js';

/**
 * @typedef {{label: string, press: () => void}} Action
 * @typedef {{tone: 'info' | 'warning' | 'error', title: string, hint: string, actions?: Action[]}} Notice
 */

export class Notices {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  /**
   * Shows a notice, in place of the one of the same id.
   *
   * @param {string} id also its `data-notice`
   * @param {Notice} notice
   */
  show(id, { tone, title, hint, actions = [] }) {
    const present = this.#find(id);
    // Saying the same again would make a screen reader repeat it.
    if (present?.dataset.title === title) return;
    const text = h('p', { class: 'notice-text' }, h('strong', {}, title), ' ', hint);
    const buttons = actions.map(({ label, press }) => button(label, press));
    const role = tone === 'info' ? 'status' : 'alert';
    const notice = h('div', { class: 'notice', role, 'data-tone': tone, 'data-notice': id, 'data-title': title }, text, ...buttons);
    if (present) present.replaceWith(notice);
    else this.root.append(notice);
  }

  /** @param {string} id */
  clear(id) {
    this.#find(id)?.remove();
  }

  clearAll() {
    this.root.replaceChildren();
  }

  /** @param {string} id @returns {HTMLElement | undefined} */
  #find(id) {
    const notices = /** @type {HTMLElement[]} */ ([...this.root.children]);
    return notices.find((notice) => notice.dataset.notice === id);
  }
}
