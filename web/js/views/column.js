/** One channel: its finals in a log that follows the speech, and the partial that rewrites itself below them. */

import { button, h, setText } from '../dom.js';
import { direction, languageName } from '../format.js';
import { Transcript } from '../transcript.js';
import { Follower } from './follow.js';
import { Line } from './line.js';

/**
 * @typedef {import('../access.js').Channel} Channel
 * @typedef {import('../payload.js').Segment} Segment
 */

/** Speakers are told apart by so many tints, besides their names. */
const VOICES = 6;

export class Column {
  transcript = new Transcript();
  /** @type {Set<string>} the languages into which speech was translated so far */
  languages = new Set();
  /** @type {Map<Segment, Line>} */
  #lines = new Map();
  /** @type {Map<string, number>} tint by speaker */
  #voices = new Map();
  /** Finals that came while the reader was further up. */
  #unseen = 0;
  #list = h('ol', { class: 'finals', role: 'list' });
  #partial = new Line(h('div', { class: 'partial', 'data-testid': 'partial', 'aria-live': 'off', hidden: true }));
  #emptyTitle = h('strong');
  #emptyHint = h('span');
  // In the page's language, whatever the channel's is.
  #empty = h('p', { class: 'empty', lang: 'en', dir: 'ltr' }, this.#emptyTitle, ' ', this.#emptyHint);
  #fault = h('p', { class: 'column-fault', role: 'alert', hidden: true });
  #newLines = h('span', { class: 'count' });
  #jump = button('Jump to live', () => this.#jumpToLive(), { class: 'button jump', 'data-testid': 'jump-live', hidden: true });

  /**
   * @param {Channel} channel
   * @param {string} choice which translations are shown: 'all', 'none' or a language tag
   */
  constructor(channel, choice) {
    this.channel = channel;
    this.choice = choice;
    const titleId = `channel-${channel.index}`;
    // Only the finals are a live region: a partial is rewritten several times a second.
    const log = h('div', { class: 'log', role: 'log', 'aria-live': 'polite', 'aria-relevant': 'additions', 'aria-label': `${channel.name}, captions` }, this.#list);
    const text = h('div', { class: 'text', lang: channel.language, dir: direction(channel.language) }, this.#empty, log, this.#partial.element);
    // Focusable, so that the keyboard can scroll it.
    this.scroller = h('div', { class: 'scroller', tabindex: 0, role: 'group', 'aria-labelledby': titleId }, text);
    this.#jump.append(this.#newLines);
    this.element = h('section', { class: 'column', 'data-testid': 'caption-column', 'data-channel': channel.index, 'aria-labelledby': titleId },
      columnHead(channel, titleId), this.#fault, this.scroller, this.#jump);
    this.follower = new Follower(this.scroller, () => this.#showJump());
  }

  /**
   * Takes one event of this channel.
   *
   * @param {string} name
   * @param {unknown} payload
   */
  apply(name, payload) {
    for (const change of this.transcript.apply(name, payload)) {
      if (change.kind === 'partial') this.#showPartial(change.segment);
      if (change.kind === 'final') this.#append(change.segment);
      if (change.kind === 'revised') this.#show(change.segment);
      if (change.kind === 'dropped') this.#drop(change.segment);
      for (const language of change.segment?.translations.keys() ?? []) this.languages.add(language);
    }
    this.#empty.hidden = this.transcript.partial !== null || this.transcript.finals.length > 0;
    this.follower.pin();
  }

  /** Says what stands where no caption has come yet. @param {string} title @param {string} hint */
  setEmptyText(title, hint) {
    setText(this.#emptyTitle, title);
    setText(this.#emptyHint, hint);
  }

  /** @param {string | null} fault why this channel has no captions; null: nothing is wrong */
  setFault(fault) {
    setText(this.#fault, fault ?? '');
    this.#fault.hidden = fault === null;
  }

  /** @param {string} choice */
  chooseTranslations(choice) {
    this.choice = choice;
    this.#partial.choose(choice);
    for (const line of this.#lines.values()) line.choose(choice);
    this.follower.pin();
  }

  /** @param {Segment | null} segment */
  #showPartial(segment) {
    this.#partial.element.hidden = segment === null;
    if (segment) this.#partial.show(segment, this.#setting(segment, this.transcript.finals.at(-1)), this.choice);
  }

  /** @param {Segment} segment */
  #append(segment) {
    const line = new Line(h('li', { 'data-testid': 'final', 'data-segment': segment.identity.id }));
    this.#lines.set(segment, line);
    line.show(segment, this.#setting(segment, this.transcript.finals.at(-2)), this.choice);
    this.#list.append(line.element);
    if (!this.follower.following) this.#unseen += 1;
    this.#showJump();
  }

  /** @param {Segment} segment a final that changed */
  #show(segment) {
    const before = this.transcript.finals[this.transcript.finals.indexOf(segment) - 1];
    this.#lines.get(segment)?.show(segment, this.#setting(segment, before), this.choice);
  }

  /** @param {Segment} segment */
  #drop(segment) {
    this.#lines.get(segment)?.element.remove();
    this.#lines.delete(segment);
  }

  /** @param {Segment} segment @param {Segment | undefined} before @returns {import('./line.js').Setting} */
  #setting({ speaker }, before) {
    if (speaker === null) return { voice: 0, continued: before !== undefined && before.speaker === null };
    const voice = this.#voices.get(speaker) ?? (this.#voices.size % VOICES) + 1;
    // A stream that invents a name for every line must not fill the memory.
    if (this.#voices.size < 100) this.#voices.set(speaker, voice);
    return { voice, continued: before?.speaker === speaker };
  }

  #showJump() {
    if (this.follower.following) this.#unseen = 0;
    this.#jump.hidden = this.follower.following;
    setText(this.#newLines, this.#unseen > 0 ? `${this.#unseen} new` : '');
  }

  #jumpToLive() {
    this.follower.resume();
    // The button goes away under the reader's focus.
    this.scroller.focus();
  }
}

/** @param {Channel} channel @param {string} titleId @returns {HTMLElement} */
function columnHead({ name, language }, titleId) {
  const tag = language === null || languageName(language) === name ? null : h('span', { class: 'tag' }, languageName(language));
  return h('div', { class: 'column-head' }, h('h2', { id: titleId }, name), tag);
}
