/** Tells listeners what changed: politely, in one sentence for all that happened within a few seconds. */

import { h, setText } from '../dom.js';

/** What happens within this time after a change is told together with it, in ms. */
const TOGETHER = 2500;

/** More changes than this at once are told as a number. */
const MOST_AT_ONCE = 3;

export class Announcer {
  element = h('p', { class: 'unseen', role: 'status', 'data-testid': 'announcements' });
  /** @type {Map<string, string>} the last word about each thing */
  #news = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {AbortSignal} signal the end of the view
   * @param {string} [place] where many changes are told to be
   */
  constructor(signal, place = 'on the dashboard') {
    this.place = place;
    signal.addEventListener('abort', () => clearTimeout(this.#timer));
  }

  /** @param {string} thing what it is about: later words replace earlier ones @param {string} sentence */
  say(thing, sentence) {
    this.#news.set(thing, sentence);
    this.#timer ??= setTimeout(() => this.#tell(), TOGETHER);
  }

  #tell() {
    this.#timer = undefined;
    const news = [...this.#news.values()];
    this.#news.clear();
    setText(this.element, news.length > MOST_AT_ONCE ? `${news.length} changes ${this.place}.` : news.join(' '));
  }
}
