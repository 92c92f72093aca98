/** LLM traces: what applications asked of models, by trace, by session, by user. */

import { all, isAdmin } from '../api.js';
import { h, slot } from '../dom.js';
import { count, short, text } from '../format.js';
import { empty } from '../parts/empty.js';
import { eraseButton } from '../parts/eraseuser.js';
import { llmFilters, narrowed } from '../parts/llmfilters.js';
import { sessionTable, traceTable, userTable } from '../parts/llmtables.js';
import { beginCommand, quantile } from '../parts/llmwords.js';
import { stat } from '../parts/stat.js';
import { link } from '../state.js';

const MOST = 500; // read at first, and again with each "show older"
/** @type {[string, string][]} */
const TABS = [['', 'Traces'], ['sessions', 'Sessions'], ['users', 'Users']];

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const tab = ctx.query.get('tab');
  const path = tab === 'sessions' ? '/llm/sessions' : tab === 'users' ? '/llm/users' : '/llm/traces';
  return [{ path, params: { ...narrowed(ctx.query), start: ctx.span.start, end: ctx.span.end, limit: MOST } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'LLM traces',
  question: 'What was asked of language models, what did they say, and what did it cost?',
  calls,
  mount(ctx, root) {
    const bar = llmFilters(ctx);
    const answer = slot(h('p', { class: 'answer' }), ({ words }) => words);
    const tabs = slot(h('nav', { class: 'tabs', 'aria-label': 'By' }), ({ tab }) => TABS.map(([name, title]) => h('a', { href: link('/ui/llm', { ...narrowed(ctx.query), tab: name }), 'aria-current': tab === name && 'true' }, title)));
    const stats = slot(h('div', { class: 'stats' }), ({ sums }) => sums.map((/** @type {any[]} */ s) => stat(s[0], s[1], s[2])));
    const nothing = slot(h('div'), ({ asked }) => (asked ? empty('Nothing like this in the range.', { hint: 'Widen the time range, or take a filter away.' }) : empty('No language model was asked in this range.', { hint: 'One variable is enough: point any OpenAI, Anthropic or Ollama client at Triops. Spans of OpenTelemetry, OpenInference and Langfuse are shown here too.', command: beginCommand(), link: ['More ways to begin', link('/ui/start')] })));
    const older = h('div', { class: 'more-rows', hidden: true }, h('button', { type: 'button', on: { click: () => { most += MOST; read(); } } }, 'Show older'));
    const place = h('section', { class: 'card flush llm-list', hidden: true });
    root.append(answer.el, tabs.el, bar.el, stats.el, place);
    let most = MOST;
    /** @type {string|null} */ let built = null;
    let asked = '';
    /** @type {any} */ let list = null;
    /** @type {boolean|null} */ let admin = null;

    async function read() {
      const [call] = calls(ctx);
      const tab = ctx.query.get('tab') || '';
      const { items, next } = await all(call.path, call.params, most, ctx.signal);
      if (built !== tab) {
        built = tab;
        list = (tab === 'sessions' ? sessionTable : tab === 'users' ? userTable : traceTable)(nothing.el);
        place.replaceChildren(list.el, older);
      }
      tabs.set({ tab });
      nothing.set({ asked: Object.keys(narrowed(ctx.query)).length > 0 });
      const sums = sumsOf(items, tab, Boolean(next));
      answer.set({ words: answerOf(items, tab, Boolean(next)) });
      stats.set({ sums });
      stats.el.hidden = !items.length;
      list.set(items);
      older.hidden = !next;
      place.hidden = false;
    }

    return {
      async refresh() {
        bar.sync();
        const key = JSON.stringify({ ...narrowed(ctx.query), tab: ctx.query.get('tab'), from: ctx.range.from, to: ctx.range.to });
        if (key !== asked) most = MOST;
        asked = key;
        const user = ctx.query.get('user');
        if (user) admin ??= await isAdmin(ctx.signal);
        ctx.head({ title: 'LLM traces', tools: user && admin ? [eraseButton(user, () => ctx.set({ user: null, session: null, tab: 'users' }))] : [] });
        await read();
      },
    };
  },
};

/** @param {any[]} items @param {(row: any) => number} of */
function total(items, of) {
  return items.reduce((sum, row) => sum + (of(row) || 0), 0);
}

/** @param {any[]} items @param {string} tab @param {boolean} more */
function sumsOf(items, tab, more) {
  const [n, failed, unpriced] = ['calls', 'errors', 'unpriced'].map((name) => total(items, (r) => r[name]));
  const [input, output] = [total(items, (r) => r.input_tokens), total(items, (r) => r.output_tokens)];
  const sums = [
    ['Calls of models', short(n), { note: more ? `of the latest ${items.length.toLocaleString('en')}` : '' }],
    ['Tokens', [short(input), h('span', { class: 'muted' }, ' → '), short(output)], { note: 'in → out' }],
    ['Cost', text(total(items, (r) => Number(r.cost_usd)), 'USD'), { note: unpriced ? `${count(unpriced, 'call')} without a price` : items.some((r) => r.estimated) ? 'in part estimated' : '' }],
    ['Errors', failed ? `${short(failed)}` : '0', { tone: failed ? 'critical' : '', note: n ? `${text(failed / n, 'ratio')} of calls` : '' }],
  ];
  if (tab) return sums;
  const times = items.map((t) => t.ms);
  const first = items.map((t) => t.first_token_ms).filter((ms) => ms !== null);
  return [...sums, ['p50', text(quantile(times, 0.5), 'ms'), { note: 'of a trace' }], ['p95', text(quantile(times, 0.95), 'ms'), { note: 'of a trace' }],
    ...(first.length ? [['First token', text(quantile(first, 0.5), 'ms'), { note: 'p50 of streams' }]] : [])];
}

/** @param {any[]} items @param {string} tab @param {boolean} more */
function answerOf(items, tab, more) {
  if (!items.length) return Object.keys(narrowed(new URLSearchParams(location.search))).length ? 'Nothing matches.' : 'Nothing was asked.';
  const many = (/** @type {string} */ one) => (more ? `The latest ${items.length.toLocaleString('en')} ${one}s` : count(items.length, one));
  const cost = text(total(items, (r) => Number(r.cost_usd)), 'USD');
  const dear = [...items].sort((a, b) => Number(b.cost_usd) - Number(a.cost_usd))[0];
  if (tab === 'sessions') return [`${many('session')} for ${cost}; the dearest, `, h('strong', null, dear.session), `, cost ${text(Number(dear.cost_usd), 'USD')} in ${count(dear.traces, 'turn')}.`];
  if (tab === 'users') return [`${many('user')} for ${cost}; `, h('strong', null, dear.user), ` cost most: ${text(Number(dear.cost_usd), 'USD')} in ${count(dear.traces, 'trace')}.`];
  const failed = items.filter((t) => t.status === 'error').length;
  const models = new Map();
  for (const t of items) if (t.model) models.set(t.model, (models.get(t.model) || 0) + 1);
  const [top] = [...models].sort((a, b) => b[1] - a[1]);
  return [`${many('trace')} for ${cost}`, top && models.size > 1 ? [', mostly of ', h('strong', null, top[0])] : top ? [', all of ', h('strong', null, top[0])] : '', '; ', failed ? h('a', { href: link('/ui/llm', { ...narrowed(new URLSearchParams(location.search)), status: 'error' }) }, `${count(failed, 'trace')} failed`) : 'none failed', '.'];
}
