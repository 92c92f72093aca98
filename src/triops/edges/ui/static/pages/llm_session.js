/** One session: its turns in order, as they were spoken. */

import { get, isAdmin, seg } from '../api.js';
import { h, slot } from '../dom.js';
import { clock, count, exact, lasting, text } from '../format.js';
import { conversation } from '../parts/conversation.js';
import { empty } from '../parts/empty.js';
import { eraseButton } from '../parts/eraseuser.js';
import { failure } from '../parts/failure.js';
import { errorText, money, promptName, tokens, tracePath, tracesOf } from '../parts/llmwords.js';
import { stat } from '../parts/stat.js';
import { link } from '../state.js';

const MOST = 200;

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: `/llm/sessions/${seg(ctx.params.id)}`, params: { limit: MOST } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Session',
  question: 'What was said, turn by turn?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const answer = slot(h('p', { class: 'answer' }), ({ words }) => words);
    const stats = slot(h('div', { class: 'stats' }), ({ s }) => [stat('Cost', money(s.cost_usd, s.estimated)), stat('Tokens', tokens(s.input_tokens, s.output_tokens), { note: 'in → out' }), stat('Turns', s.traces), stat('Errors', s.errors, { tone: s.errors ? 'critical' : '' }), stat('Lasted', lasting(s.last_at - s.first_at)), s.users.length > 0 && stat(s.users.length > 1 ? 'Users' : 'User', s.users.slice(0, 3).map((/** @type {string} */ user, /** @type {number} */ i) => [i > 0 && ', ', h('a', { href: tracesOf({ user }) }, user)]), { note: s.users.length > 3 ? `and ${s.users.length - 3} more` : '' })].filter(Boolean));
    const turns = slot(h('section', { class: 'card', 'aria-label': 'Turns' }), (/** @type {any} */ { items, next }) => [next && h('p', { class: 'muted' }, `The latest ${MOST} turns; `, h('a', { href: tracesOf({ session: ctx.params.id }) }, 'all of them'), '.'), h('ol', { class: 'chat' }, items.map(turn))]);
    turns.el.hidden = true;
    root.append(answer.el, stats.el, turns.el);

    /** @type {boolean|null} */ let admin = null;

    /** @param {any} t */
    function turn(t) {
      const whole = h('div', { class: 'whole', hidden: true });
      const facts = [t.model, promptName(t)].filter(Boolean).join(' · ');
      return [h('li', { class: 'turn user' }, h('div', { class: 'turn-head' }, h('strong', null, t.user || 'User'), h('span', { class: 'muted small', title: exact(t.at) }, clock(t.at))), h('div', { class: 'said' }, t.input || h('span', { class: 'muted' }, t.root))),
        h('li', { class: 'turn assistant' }, h('div', { class: 'turn-head' }, h('strong', null, t.application || 'Assistant'), h('span', { class: 'muted small call-facts' }, facts, facts && ' · ', tokens(t.input_tokens, t.output_tokens), ' · ', money(t.cost_usd, t.estimated), ' · ', text(t.ms, 'ms'))),
          t.status === 'error' ? h('p', { class: 'critical' }, '◆ ', errorText(t.error) || 'failed') : h('div', { class: 'said' }, t.output || h('span', { class: 'muted' }, 'no answer is stored')),
          h('div', { class: 'turn-links small' }, h('button', { type: 'button', class: 'link small', on: { click: (/** @type {any} */ e) => open(t, whole, e.currentTarget) } }, 'Show it whole'), ' · ', h('a', { href: tracePath(t.trace) }, 'Open the trace')), whole)];
    }

    /** @param {any} t @param {HTMLElement} whole @param {HTMLElement} button */
    async function open(t, whole, button) {
      whole.hidden = !whole.hidden;
      button.textContent = whole.hidden ? 'Show it whole' : 'Fold';
      if (whole.hidden || whole.childElementCount) return;
      try {
        whole.append(conversation((await get(`/llm/traces/${seg(t.trace)}`, { limit: 1000 }, ctx.signal)).items));
      } catch (error) {
        if (/** @type {any} */ (error).name !== 'AbortError') whole.append(failure(error));
      }
    }

    return {
      async refresh() {
        const [call] = calls(ctx);
        const { session: s, items, next } = await get(call.path, call.params, ctx.signal);
        admin ??= await isAdmin(ctx.signal);
        const tools = admin && s.users.length === 1 ? [eraseButton(s.users[0], () => ctx.go(link('/ui/llm', { tab: 'users' })))] : []; // of several, each where their traces are
        ctx.head({ title: s.session, tools, question: [h('a', { href: link('/ui/llm', { tab: 'sessions' }) }, 'Session'), s.applications.length > 0 && ` with ${s.applications.join(', ')}`] });
        answer.set({ words: [`${count(s.traces, 'turn')} in ${lasting(s.last_at - s.first_at)} for `, h('strong', null, text(Number(s.cost_usd), 'USD')), s.errors ? ['; ', h('span', { class: 'critical' }, `${count(s.errors, 'call')} failed`)] : '; nothing failed', '.'] });
        stats.set({ s });
        turns.el.hidden = false;
        if (items.length) turns.set({ items, next });
        else turns.el.replaceChildren(empty('No turn of it is stored any more.'));
      },
    };
  },
};
