/** The panel for how things look: theme, contrast, and which translations are shown. */

import { h } from '../dom.js';
import { languageName } from '../format.js';

/**
 * @typedef {import('../preferences.js').Preferences} Preferences
 * @typedef {import('../preferences.js').Theme} Theme
 */

const PANEL_ID = 'display-panel';

/** @type {[Theme, string][]} */
const THEMES = [['system', 'System'], ['light', 'Light'], ['dark', 'Dark']];

/**
 * Makes the panel and the button that opens it. The browser closes it on Escape and on a click elsewhere.
 *
 * @param {Preferences} preferences
 * @returns {{opener: HTMLElement, panel: HTMLElement, offerTranslations: (languages: Iterable<string>) => void}}
 *   `offerTranslations` shows the choice of the languages that were seen
 */
export function displayPanel(preferences) {
  const opener = h('button', { type: 'button', class: 'button', popovertarget: PANEL_ID, 'data-testid': 'display' }, 'Display');
  const translations = translationChoice(preferences);
  const panel = h('div', { id: PANEL_ID, class: 'panel', popover: 'auto', role: 'group', 'aria-label': 'Display' },
    themeChoice(preferences), contrastSwitch(preferences), translations.element);
  panel.addEventListener('beforetoggle', () => {
    panel.style.top = `${opener.getBoundingClientRect().bottom + 8}px`;
  });
  return { opener, panel, offerTranslations: translations.offer };
}

/** @param {Preferences} preferences @returns {HTMLElement} */
function themeChoice(preferences) {
  const choices = THEMES.map(([theme, label]) => {
    const input = h('input', { type: 'radio', name: 'theme', value: theme, checked: preferences.values.theme === theme });
    input.addEventListener('change', () => preferences.set({ theme }));
    return h('label', { class: 'segment' }, input, h('span', {}, label));
  });
  return h('fieldset', {}, h('legend', {}, 'Theme'), h('div', { class: 'segments' }, ...choices));
}

/** @param {Preferences} preferences @returns {HTMLElement} */
function contrastSwitch(preferences) {
  const input = h('input', { type: 'checkbox', role: 'switch', checked: preferences.values.contrast, 'data-testid': 'high-contrast' });
  input.addEventListener('change', () => preferences.set({ contrast: input.checked }));
  return h('label', { class: 'switch' }, h('span', {}, 'High contrast'), input);
}

/**
 * @param {Preferences} preferences
 * @returns {{element: HTMLElement, offer: (languages: Iterable<string>) => void}}
 */
function translationChoice(preferences) {
  const select = h('select', { id: 'translations', 'data-testid': 'translations' });
  const element = h('div', { class: 'field', hidden: true }, h('label', { for: 'translations' }, 'Translations'), select);
  const offered = new Set();
  const add = (/** @type {string} */ value, /** @type {string} */ label) => {
    select.append(h('option', { value, selected: preferences.values.translations === value }, label));
  };
  add('all', 'All, under each caption');
  add('none', 'Hidden');
  select.addEventListener('change', () => preferences.set({ translations: select.value }));
  const offer = (/** @type {Iterable<string>} */ languages) => {
    for (const language of languages) {
      if (offered.has(language)) continue;
      offered.add(language);
      add(language, `${languageName(language)} only`);
      element.hidden = false;
    }
  };
  return { element, offer };
}
