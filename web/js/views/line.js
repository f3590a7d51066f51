/** One utterance on the page, partial or final: who, when, the words, their translations. */

import { h, setText } from '../dom.js';
import { formatMoment, languageName } from '../format.js';

/**
 * @typedef {import('../payload.js').Segment} Segment
 * @typedef {{voice: number, continued: boolean}} Setting `voice`: the speaker's tint; `continued`: same speaker as before
 */

/** Whether a translation into `language` is shown. @param {string} choice @param {string} language */
function isChosen(choice, language) {
  return choice === 'all' || choice === language;
}

export class Line {
  #speaker = h('span', { class: 'speaker' });
  #time = h('time', { class: 'time' });
  #meta = h('p', { class: 'line-meta' }, this.#speaker, ' ', this.#time);
  #text = h('p', { class: 'line-text', dir: 'auto' });
  // Inside a live region, but a listener wants the words once, in one language.
  #translations = h('div', { class: 'translations', 'aria-live': 'off' });
  /** @type {Map<string, HTMLElement>} by language tag */
  #translated = new Map();

  /** @param {HTMLElement} element becomes the line */
  constructor(element) {
    this.element = element;
    element.classList.add('line');
    element.append(this.#meta, this.#text, this.#translations);
  }

  /**
   * @param {Segment} segment
   * @param {Setting} setting
   * @param {string} choice 'all', 'none' or a language tag
   */
  show(segment, { voice, continued }, choice) {
    const time = formatMoment(segment.moment);
    this.element.dataset.voice = String(voice);
    this.element.toggleAttribute('data-continued', continued);
    setText(this.#speaker, continued ? '' : (segment.speaker ?? ''));
    setText(this.#time, time?.text ?? '');
    this.#time.dateTime = time?.machine ?? '';
    setText(this.#text, segment.text);
    if (segment.lang === null) this.#text.removeAttribute('lang');
    else this.#text.lang = segment.lang;
    this.#showTranslations(segment.translations, choice);
  }

  /** Shows other translations than before. @param {string} choice */
  choose(choice) {
    for (const [language, element] of this.#translated) element.hidden = !isChosen(choice, language);
  }

  /** @param {Map<string, string>} translations @param {string} choice */
  #showTranslations(translations, choice) {
    for (const [language, element] of this.#translated) {
      if (!translations.has(language)) {
        element.remove();
        this.#translated.delete(language);
      }
    }
    for (const [language, text] of translations) setText(this.#translation(language, choice), text);
  }

  /** @param {string} language @param {string} choice @returns {HTMLElement} where the words in `language` go */
  #translation(language, choice) {
    const known = this.#translated.get(language)?.lastElementChild;
    if (known instanceof HTMLElement) return known;
    const words = h('span', { lang: language, dir: 'auto' });
    const label = h('span', { class: 'language', title: languageName(language) }, language);
    const element = h('p', { class: 'translation', 'data-testid': 'translation', hidden: !isChosen(choice, language) }, label, ' ', words);
    this.#translated.set(language, element);
    this.#translations.append(element);
    return words;
  }
}
