/** Settings: keys, documents (runbooks, policies, notifiers, maintenance), what is kept, who did what. */

import { get, inPassing } from '../api.js';
import { h, slot } from '../dom.js';
import { link } from '../state.js';
import { auditTab, noticesTab, serverTab } from './settings_books.js';
import { documentsTab } from './settings_documents.js';
import { keysTab } from './settings_keys.js';

/** @type {Record<string, {title: string, calls: import('../api.js').Call[], tab: (refresh: () => void) => {el: any, set: (answers: any[]) => void}}>} */
const TABS = {
  keys: { title: 'Keys', calls: [{ path: '/keys', params: { limit: 200 } }], tab: keysTab },
  documents: { title: 'Documents', calls: [{ path: '/documents', params: { limit: 500 } }], tab: documentsTab },
  server: { title: 'Server', calls: [{ path: '/status' }, { path: '/settings' }], tab: serverTab },
  audit: { title: 'Audit', calls: [{ path: '/audit', params: { limit: 500 } }], tab: auditTab },
  notices: { title: 'Notices', calls: [{ path: '/notices', params: { limit: 500 } }], tab: noticesTab },
};

/** @param {import('../visit.js').Visit} ctx */
function tabOf(ctx) {
  const name = ctx.query.get('tab') || 'keys';
  return name in TABS ? name : 'keys';
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Settings',
  question: 'Who may do what, what is kept, and what was done?',
  timeless: true,
  calls: (ctx) => TABS[tabOf(ctx)].calls,
  mount(ctx, root) {
    const tabs = slot(h('nav', { class: 'tabs', 'aria-label': 'Settings' }), ({ now }) => Object.entries(TABS).map(([id, { title }]) => h('a', { href: link('/ui/settings', { tab: id }), 'aria-current': id === now && 'true' }, title)));
    const place = h('div', { class: 'page' });
    root.append(tabs.el, place);
    let shown = '';
    /** @type {any} */ let part = null;

    async function refresh() {
      const name = tabOf(ctx);
      tabs.set({ now: name });
      const answers = await Promise.all(TABS[name].calls.map((c) => get(c.path, c.params, ctx.signal)));
      if (shown !== name) {
        part = TABS[name].tab(() => inPassing(refresh()));
        place.replaceChildren(part.el);
        shown = name;
      }
      part.set(answers);
    }
    return { refresh };
  },
};
