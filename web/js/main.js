/** Starts the page: preferences first, so that nothing is shown in the wrong colours, then the view of the address. */

import { takeTokenFromAddress } from './access.js';
import { Preferences } from './preferences.js';
import { Router } from './router.js';
import { captionsView } from './views/captions.js';
import { chatView } from './views/chat.js';
import { dashboardView } from './views/dashboard.js';
import { homeView } from './views/home.js';
import { Notices } from './views/notices.js';

/** @param {string} id @returns {HTMLElement} */
function part(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html lacks #${id}`);
  return element;
}

const preferences = new Preferences();
preferences.apply();
takeTokenFromAddress();

const routes = [
  { matches: (/** @type {URLSearchParams} */ query) => query.has('session'), view: captionsView },
  { matches: (/** @type {URLSearchParams} */ query) => query.has('project'), view: chatView },
  { matches: (/** @type {URLSearchParams} */ query) => query.has('organization'), view: dashboardView },
  { matches: () => true, view: homeView },
];

new Router(routes, { header: part('header'), main: part('main'), notices: new Notices(part('notices')), preferences }).start();
