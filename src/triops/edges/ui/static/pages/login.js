/** Login by key. The key goes to the server once and comes back as a cookie that scripts cannot read. */

import { post } from '../api.js';
import { h } from '../dom.js';
import { failure } from '../parts/failure.js';

/** @type {import('../routes.js').Page} */
export default {
  title: 'Log in',
  question: 'Who are you?',
  bare: true,
  timeless: true,
  calls: () => [],
  mount(ctx, root) {
    const key = h('input', { type: 'password', name: 'key', autocomplete: 'current-password', required: true, 'aria-label': 'API key', spellcheck: 'false' });
    const wrong = h('div', { role: 'alert' });
    const go = h('button', { class: 'primary', type: 'submit' }, 'Log in');
    root.append(h('form', { class: 'login', on: { submit } }, h('h1', null, 'Triops'), h('p', { class: 'muted' }, 'This server asks for a key. One is made by ', h('code', null, 'triops key create'), ' on its machine, or by an admin under Settings.'), h('label', null, 'API key', key), wrong, go));

    /** @param {Event} event */
    async function submit(event) {
      event.preventDefault();
      go.disabled = true;
      try {
        await post('/session', { key: key.value.trim() });
        const next = ctx.query.get('next') || '/ui';
        // A whole load, so that nothing of an earlier session stays in memory; only to a page of our own.
        location.assign(/^\/ui(\/|\?|$)/.test(next) ? next : '/ui');
      } catch (error) {
        const refused = /** @type {any} */ (error).status === 401;
        wrong.replaceChildren(refused ? h('p', { class: 'critical' }, 'This key is not valid here, or was revoked.') : failure(error));
        key.select();
      } finally {
        go.disabled = false;
      }
    }
    return {
      async refresh(why) {
        if (why === 'open') key.focus();
      },
    };
  },
};
