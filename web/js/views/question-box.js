/** Where questions are written: Enter sends, Shift+Enter begins a line. Stops the answer while one runs. */

import { button, h, setText } from '../dom.js';

/** @typedef {'opening' | 'ready' | 'running' | 'away'} BoxState `away`: not connected, nothing can be sent */

/** @type {Record<BoxState, string>} */
const HINTS = {
  opening: 'One moment…',
  ready: 'Enter sends, Shift + Enter begins a new line.',
  running: 'The answer is on its way. You can write the next question meanwhile.',
  away: 'Not connected. What you write is kept here.',
};

export class QuestionBox {
  /** @type {BoxState} */
  #state = 'opening';
  #input = h('textarea', { id: 'question', rows: 1, placeholder: 'Ask about the documents', 'aria-label': 'Question', 'aria-describedby': 'question-hint', autocomplete: 'off', 'data-testid': 'question' });
  #send = h('button', { type: 'submit', class: 'button primary', 'data-testid': 'send' }, 'Ask');
  #stop = button('Stop', () => this.stop(), { class: 'button stop', 'data-testid': 'stop', hidden: true });
  #hint = h('p', { id: 'question-hint', class: 'hint' });
  #fault = h('p', { class: 'box-fault', role: 'alert', 'data-testid': 'box-fault' });
  element = h('form', { class: 'question-box', novalidate: true },
    this.#fault, h('div', { class: 'question-row' }, this.#input, this.#send, this.#stop), this.#hint);

  /**
   * @param {(question: string) => void} ask
   * @param {() => void} stop
   */
  constructor(ask, stop) {
    this.stop = stop;
    this.#input.addEventListener('keydown', (event) => {
      // An Enter that ends the writing of a character with several keys is not meant for us.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.element.requestSubmit();
    });
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      const question = this.#input.value.trim();
      if (question === '' || this.#state !== 'ready') return this.focus();
      this.#input.value = '';
      this.refuse('');
      this.focus();
      ask(question);
    });
    this.set('opening');
  }

  /** @param {BoxState} state */
  set(state) {
    this.#state = state;
    this.element.dataset.state = state;
    const isRunning = state === 'running';
    // The focus stays with the reader when the button under it goes.
    if (document.activeElement === (isRunning ? this.#send : this.#stop)) this.focus();
    this.#send.hidden = isRunning;
    this.#stop.hidden = !isRunning;
    this.#send.setAttribute('aria-disabled', String(state !== 'ready'));
    setText(this.#hint, HINTS[state]);
  }

  /** Says why something could not be asked. @param {string} why empty: nothing is wrong @param {string} [question] put back, unless another one is being written */
  refuse(why, question = '') {
    setText(this.#fault, why);
    if (this.#input.value === '') this.#input.value = question;
  }

  focus() {
    this.#input.focus();
  }
}
