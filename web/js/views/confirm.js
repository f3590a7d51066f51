/** Asks before something is done that cannot be undone. */

import { button, h } from '../dom.js';

/**
 * @param {HTMLElement} place of the view: the question goes with it
 * @param {string} title
 * @param {string} hint
 * @param {string} action what the button says that does it
 * @returns {Promise<boolean>} whether it is to be done; the focus goes back to where it was
 */
export function confirm(place, title, hint, action) {
  const heading = h('h2', { id: 'confirm-title', dir: 'auto' }, title);
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': heading.id, 'data-testid': 'confirm' }, heading, h('p', {}, hint),
    h('div', { class: 'dialog-buttons' },
      button('Cancel', () => dialog.close('no'), { 'data-testid': 'confirm-no' }),
      button(action, () => dialog.close('yes'), { class: 'button primary danger', 'data-testid': 'confirm-yes' })));
  place.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}
