/** Reading mode: nothing but large captions, on the full screen where the browser grants it. */

import { button, setText } from '../dom.js';

/**
 * @param {AbortSignal} signal the end of the view
 * @returns {HTMLButtonElement} enters and leaves
 */
export function readingModeButton(signal) {
  const root = document.documentElement;
  const toggle = button('Reading mode', () => set(root.dataset.reading === undefined), { 'data-testid': 'reading-mode' });

  /** @param {boolean} on */
  function set(on) {
    if (on) root.dataset.reading = 'on';
    else delete root.dataset.reading;
    setText(toggle, on ? 'Exit reading mode' : 'Reading mode');
    // Phones may refuse the full screen; the mode works in the window as well.
    if (on) root.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  }

  const leave = () => set(false);
  document.addEventListener('fullscreenchange', () => !document.fullscreenElement && leave(), { signal });
  document.addEventListener('keydown', ({ key }) => key === 'Escape' && root.dataset.reading && leave(), { signal });
  signal.addEventListener('abort', leave);
  return toggle;
}
