/** The form that opens a session by its id, its channels and a token. */

import { MOST_CHANNELS, isName, keepToken } from '../access.js';
import { h } from '../dom.js';

/** A compact JWT; what it says is the server's to judge. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * @param {import('../router.js').Router} router
 * @param {URLSearchParams} query what the fields start with: `session`, and `channel` as often as wanted
 * @returns {HTMLFormElement}
 */
export function openForm(router, query) {
  const id = field('session', 'Session', 'The id in the link or the message you got.', { value: query.get('session') ?? '' });
  const channels = field('channels', 'Channels', 'One or several, separated by commas.', { value: query.getAll('channel').join(', ') || '1' });
  const token = field('token', 'Access token', 'Kept in this tab only, and gone when you close it.', { type: 'password' });
  const submit = h('button', { type: 'submit', class: 'button primary' }, 'Open captions');
  const form = h('form', { class: 'open-form', novalidate: true, autocomplete: 'off' }, id.element, channels.element, token.element, submit);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const sessionId = id.value();
    const indexes = channels.value().split(',').map((part) => part.trim()).filter((part) => part !== '');
    const faults = [
      id.check(isName(sessionId), 'Enter the session’s id: no spaces, and none of / + # $.'),
      channels.check(indexes.length > 0 && indexes.length <= MOST_CHANNELS && indexes.every(isName),
        `Enter 1 to ${MOST_CHANNELS} channels, such as 1, 2.`),
      token.check(TOKEN.test(token.value()), 'Enter the whole token: three parts, separated by dots.'),
    ];
    const first = faults.find((input) => input !== null);
    if (first) return first.focus();
    keepToken(sessionId, token.value());
    router.navigate(`?${new URLSearchParams([['session', sessionId], ...indexes.map((index) => ['channel', index])])}`);
  });
  return form;
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string} hint
 * @param {Record<string, string>} attributes of the input
 */
function field(name, label, hint, attributes) {
  const input = h('input', {
    id: `open-${name}`, name, type: 'text', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false',
    'aria-describedby': `open-${name}-hint`, 'data-testid': `open-${name}`, ...attributes,
  });
  const note = h('p', { id: `open-${name}-hint`, class: 'hint' }, hint);
  return {
    element: h('div', { class: 'field' }, h('label', { for: input.id }, label), input, note),
    value: () => input.value.trim(),
    /** @param {boolean} sound @param {string} complaint @returns {HTMLInputElement | null} the input if it is at fault */
    check(sound, complaint) {
      input.setAttribute('aria-invalid', String(!sound));
      note.textContent = sound ? hint : complaint;
      return sound ? null : input;
    },
  };
}
