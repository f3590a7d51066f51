/** A question and its answer: the words, how the answer ended, and the sources to unfold. */

import { button, h, setText } from '../dom.js';
import { isRunning } from '../conversation.js';

/**
 * @typedef {import('../conversation.js').Turn} Turn
 * @typedef {import('../conversation.js').TurnState} TurnState
 * @typedef {import('../project.js').Source} Source
 */

/** The responder that needs no language model: it quotes. */
const QUOTING = 'extractive';

/** What is said of an answer besides its words. @type {Partial<Record<TurnState, string>>} */
const NOTES = {
  sending: 'Sending…',
  searching: 'Looking through the documents…',
  writing: 'Writing…',
  stopped: 'Stopped: this is what was said until then.',
  unanswered: 'No answer is stored.',
};

export class TurnView {
  #question = h('p', { class: 'words', dir: 'auto', 'data-testid': 'question-text' });
  #said = document.createTextNode('');
  #words = h('p', { class: 'words', dir: 'auto', 'data-testid': 'answer-text' }, this.#said);
  #note = h('p', { class: 'turn-note', 'data-testid': 'turn-note' });
  #again = button('Ask again', () => this.ask(this.question), { class: 'button small', 'data-testid': 'ask-again', hidden: true });
  #sources = h('ul', { class: 'sources', role: 'list', 'aria-label': 'Sources', 'data-testid': 'sources', hidden: true });
  #model = h('p', { class: 'model', 'data-testid': 'model' });
  #asked = h('div', { class: 'question' }, h('h3', { class: 'unseen' }, 'Question'), this.#question);
  #answer = h('div', { class: 'answer' }, h('h3', { class: 'unseen' }, 'Answer'), this.#words,
    h('div', { class: 'turn-end' }, this.#note, this.#again), this.#sources, this.#model);
  element = h('li', { class: 'turn', 'data-testid': 'turn' }, this.#asked, this.#answer);
  /** The sources that are shown. */
  #shown = '[]';
  question = '';

  /** @param {(question: string) => void} ask asks the same again */
  constructor(ask) {
    this.ask = ask;
  }

  /** @param {Turn} turn @param {boolean} isLast whether nothing was asked after it */
  show(turn, isLast) {
    const { question, answer, state, fault } = turn;
    this.question = question;
    this.element.dataset.state = state;
    setText(this.#question, question);
    this.#asked.hidden = question === '';
    if (this.#said.data !== answer) this.#said.data = answer;
    this.#words.hidden = answer === '';
    // A growing answer shows by itself that it is being written.
    const note = fault?.message ?? (state === 'writing' && answer !== '' ? '' : NOTES[state] ?? '');
    setText(this.#note, note);
    this.#note.hidden = note === '';
    this.#again.hidden = !(isLast && (fault?.retryable || state === 'unanswered'));
    this.#showSources(turn.sources);
    setText(this.#model, isRunning(turn) ? '' : modelNote(turn));
    this.#model.hidden = this.#model.textContent === '';
  }

  /** Adds to the answer. @param {string} token */
  add(token) {
    this.#said.appendData(token);
    this.#words.hidden = false;
    this.#note.hidden = true;
  }

  /** @param {Source[]} sources */
  #showSources(sources) {
    const key = JSON.stringify(sources);
    // What is unfolded stays so.
    if (key === this.#shown) return;
    this.#shown = key;
    this.#sources.replaceChildren(...sources.map(sourceEntry));
    this.#sources.hidden = sources.length === 0;
  }
}

/** @param {Source} source @returns {HTMLElement} */
function sourceEntry({ filename, page, score, content }) {
  const summary = h('summary', {},
    h('span', { class: 'source-name', dir: 'auto' }, filename),
    page === null ? null : h('span', { class: 'source-place' }, `page ${page}`),
    score === null ? null : h('span', { class: 'source-score' }, `${score} % match`));
  return h('li', {}, h('details', { class: 'source', 'data-testid': 'source' }, summary, h('p', { class: 'words source-text', dir: 'auto' }, content)));
}

/** @param {Turn} turn @returns {string} */
function modelNote({ model, answer }) {
  if (model === null || answer === '') return '';
  return model === QUOTING ? 'Quoted from the documents, word for word. No language model is set up.' : `Written by ${model}. It may be wrong: the sources tell.`;
}
