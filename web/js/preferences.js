/**
 * How this reader wants the page: kept in localStorage, shown as data attributes of the root element for the style sheets.
 */

/**
 * @typedef {'system' | 'light' | 'dark'} Theme
 * @typedef {{theme: Theme, contrast: boolean, textSize: number, translations: string}} Values
 *   `textSize`: a step from 0; `translations`: 'all', 'none' or one language tag
 */

/** The largest step of the captions' size; the sizes themselves are in base.css. */
export const LARGEST_TEXT = 8;

const STORAGE_KEY = 'switchboard.preferences';

/** @type {Theme[]} */
const THEMES = ['system', 'light', 'dark'];

export class Preferences extends EventTarget {
  /** @type {Values} */
  values = load();

  /** Shows the kept preferences. Call once, before the first view. */
  apply() {
    const { theme, contrast, textSize } = this.values;
    const { dataset } = document.documentElement;
    dataset.theme = theme;
    dataset.contrast = contrast ? 'high' : 'normal';
    dataset.textSize = String(textSize);
  }

  /**
   * Changes some, keeps and shows them; listeners of `change` are told.
   *
   * @param {Partial<Values>} changes
   */
  set(changes) {
    this.values = { ...this.values, ...changes };
    this.apply();
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(this.values));
    } catch {
      // Storage may be full or forbidden: the preference then holds until the page is left.
    }
    this.dispatchEvent(new Event('change'));
  }

  /** @param {number} steps positive: larger */
  resizeText(steps) {
    this.set({ textSize: Math.min(LARGEST_TEXT, Math.max(0, this.values.textSize + steps)) });
  }
}

/** @returns {Values} what was kept, as far as it is sound, over the defaults */
function load() {
  const defaults = { theme: THEMES[0], contrast: matchMedia('(prefers-contrast: more)').matches, textSize: 2, translations: 'all' };
  const kept = read();
  return {
    theme: THEMES.includes(kept.theme) ? kept.theme : defaults.theme,
    contrast: typeof kept.contrast === 'boolean' ? kept.contrast : defaults.contrast,
    textSize: Number.isInteger(kept.textSize) && kept.textSize >= 0 && kept.textSize <= LARGEST_TEXT ? kept.textSize : defaults.textSize,
    translations: typeof kept.translations === 'string' ? kept.translations : defaults.translations,
  };
}

/** @returns {Record<string, any>} */
function read() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '') ?? {};
  } catch {
    return {};
  }
}
