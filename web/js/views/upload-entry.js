/** One upload on the dashboard: its name, how far it is, and how it ended. */

import { h, setText } from '../dom.js';
import { formatHour } from '../format.js';
import { isGoingOn } from '../media.js';

/**
 * @typedef {import('../media.js').Upload} Upload
 * @typedef {import('../media.js').UploadState} UploadState
 */

/** @type {Record<UploadState, string>} */
const WORDS = {
  pending: 'In the queue',
  started: 'Starting',
  processing: 'Transcribing',
  done: 'Done',
  error: 'Failed',
  deleted: 'Removed',
  unknown: 'Ended while this page was not connected',
};

/** Names for ids, which may hold what an attribute's list of ids may not. */
let entries = 0;

export class UploadEntry {
  #name = h('span', { class: 'upload-name', id: `upload-${++entries}`, dir: 'auto' });
  #state = h('span', { class: 'upload-state' });
  #percent = h('span', { class: 'upload-percent' });
  #bar = h('progress', { max: 100, 'aria-labelledby': this.#name.id });

  /** @param {Upload} upload */
  constructor(upload) {
    this.element = h('li', { class: 'upload', 'data-testid': 'upload', 'data-upload': upload.id },
      this.#name, this.#percent, this.#bar, this.#state);
    // One that ends keeps its bar as long as it keeps its place: its height is part of the place.
    for (const part of [this.#percent, this.#bar]) part.hidden = !isGoingOn(upload.state);
    this.show(upload);
  }

  /** @param {Upload} upload */
  show({ name, state, progress, at }) {
    this.element.dataset.state = state;
    setText(this.#name, name);
    setText(this.#percent, `${progress} %`);
    setText(this.#state, isGoingOn(state) || state === 'deleted' ? WORDS[state] : `${WORDS[state]}, ${formatHour(at)}`);
    this.#bar.value = progress;
    this.#bar.setAttribute('aria-valuetext', `${progress} percent, ${WORDS[state].toLowerCase()}`);
  }
}
