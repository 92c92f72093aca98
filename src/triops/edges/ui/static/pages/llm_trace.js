/** One trace of an application that asks models: the conversation, where time and money went, and what was thought of it. */

import { get, seg } from '../api.js';
import { h, slot } from '../dom.js';
import { clock, count, exact, short, text } from '../format.js';
import { conversation } from '../parts/conversation.js';
import { empty } from '../parts/empty.js';
import { spanDetail } from '../parts/llmspan.js';
import { dollars, errorText, money, promptLink, sessionPath, tokens, tracesOf } from '../parts/llmwords.js';
import { playLink } from '../parts/playfrom.js';
import { scores } from '../parts/scores.js';
import { stat } from '../parts/stat.js';
import { waterfall } from '../parts/waterfall.js';
import { link } from '../state.js';

const MOST = 20000; // spans read
/** @type {[string, string][]} */
const TABS = [['', 'Conversation'], ['waterfall', 'Waterfall']];

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: `/llm/traces/${seg(ctx.params.id)}`, params: { limit: 1000 } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'LLM trace',
  question: 'What was said, and what did it take?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const answer = slot(h('p', { class: 'answer' }), ({ words }) => words);
    const stats = slot(h('div', { class: 'stats' }), ({ trace }) => statsOf(trace));
    const tabs = slot(h('nav', { class: 'tabs', 'aria-label': 'Shown as' }), ({ tab, spans }) => TABS.map(([name, title]) => h('a', { href: link(location.pathname, { tab: name }), 'aria-current': tab === name && 'true' }, title, name && h('span', { class: 'muted' }, ` ${count(spans, 'span')}`))));
    const chat = slot(h('section', { class: 'card', 'aria-label': 'Conversation' }), ({ spans, raw }) => [h('div', { class: 'chat-tools' }, h('button', { type: 'button', class: 'ghost small', 'aria-pressed': String(raw), data: { focus: 'raw' }, on: { click: () => ctx.set({ raw: raw ? null : 'yes' }, { replace: true }) } }, 'Plain text')), conversation(spans, { choose: (span) => ctx.set({ tab: 'waterfall', span: span.span }), plain: raw })]);
    const detail = h('aside', { class: 'span-detail', 'aria-label': 'The chosen span', hidden: true });
    const fall = waterfall({ choose: (node) => choose(node.span.own), group: (span) => span.own.type || 'span', note: (span) => noteOf(span.own) });
    const fallCard = h('section', { class: 'card flush trace-card', hidden: true }, fall.el, detail);
    const facts = slot(h('section', { class: 'card' }), ({ trace, spans }) => factsOf(trace, spans));
    const rated = scores(ctx.params.id, () => ctx.signal);
    const side = h('div', null, facts.el, rated.el);
    const layout = h('div', { class: 'columns wide-left', hidden: true }, h('div', null, chat.el), side);
    const none = h('div');
    root.append(answer.el, stats.el, tabs.el, layout, fallCard, none);
    let size = -1;

    /** @param {any} span */
    function choose(span) {
      detail.hidden = false;
      detail.replaceChildren(spanDetail(span, ctx.params.id, () => { detail.hidden = true; }));
      if (ctx.query.get('span') !== span.span) history.replaceState(history.state, '', link(location.pathname, { tab: 'waterfall', span: span.span }));
    }

    async function refresh() {
      const spans = [];
      let page = null;
      do {
        /** @type {any} */ const more = await get(`/llm/traces/${seg(ctx.params.id)}`, { limit: 1000, cursor: page?.next }, ctx.signal);
        page = { ...more, trace: page?.trace || more.trace, scores: page?.scores || more.scores };
        spans.push(...more.items);
      } while (page.next && spans.length < MOST);
      if (!spans.length) return none.replaceChildren(empty('No span of this trace is stored.', { hint: 'It may be older than the retention of spans.', link: ['All LLM traces', link('/ui/llm')] }));
      const { trace } = page;
      const tab = ctx.query.get('tab') === 'waterfall' ? 'waterfall' : '';
      const again = spans.reduce((/** @type {any} */ last, s) => playLink(trace.trace, s) || last, null);
      ctx.head({ title: trace.input || trace.root, question: [trace.application && h('a', { href: tracesOf({ application: trace.application }) }, trace.application), ' · ', h('span', { title: exact(trace.at) }, clock(trace.at, { day: true })), ' · ', h('span', { class: 'mono small' }, trace.trace)], tools: again ? [again] : [] });
      answer.set({ words: answerOf(trace, spans, Boolean(page.next)) });
      stats.set({ trace });
      tabs.set({ tab, spans: trace.spans });
      facts.set({ trace, spans });
      rated.set(page.scores);
      chat.set({ spans: tab ? [] : spans, raw: ctx.query.get('raw') === 'yes' });
      layout.hidden = tab === 'waterfall';
      fallCard.hidden = tab !== 'waterfall';
      if (tab && spans.length !== size) {
        size = spans.length;
        fall.set(spans.map(asSpan));
      }
      const chosen = ctx.query.get('span');
      if (tab && chosen) fall.show(chosen);
    }
    return { refresh };
  },
};

/** As the waterfall knows spans. @param {any} s */
function asSpan(s) {
  return { span_id: s.span, parent_span_id: s.parent, start: s.at, duration_ms: s.ms, service: s.service, name: s.name, status: s.status, status_message: s.error, own: s };
}

/** @param {any} s */
function noteOf(s) {
  const words = [s.total_tokens ? `${short(s.total_tokens)} tok` : '', s.total_cost_usd !== null ? text(Number(s.total_cost_usd), 'USD') : ''].filter(Boolean);
  return words.length ? ` · ${words.join(' · ')}` : '';
}

/** @param {any} trace */
function statsOf(trace) {
  return [stat('Cost', money(trace.cost_usd, trace.estimated), { note: trace.unpriced ? `${count(trace.unpriced, 'call')} without a price` : '' }), stat('Tokens', tokens(trace.input_tokens, trace.output_tokens), { note: 'in → out' }), stat('Took', text(trace.ms, 'ms')),
    trace.first_token_ms !== null && stat('First token', text(trace.first_token_ms, 'ms')), stat('Calls of models', trace.calls), stat('Errors', trace.errors, { tone: trace.errors ? 'critical' : '' })].filter(Boolean);
}

/** @param {any} trace @param {any[]} spans @param {boolean} more */
function answerOf(trace, spans, more) {
  const failed = spans.filter((s) => s.status === 'error');
  const priced = spans.filter((s) => s.cost_usd !== null).sort((a, b) => Number(b.cost_usd) - Number(a.cost_usd));
  const most = priced.length > 1 && Number(trace.cost_usd) > 0 ? priced[0] : null;
  return [`${text(trace.ms, 'ms')} and `, trace.cost_usd === null ? 'no known cost' : h('strong', null, text(dollars(trace.cost_usd), 'USD')), ` for ${count(trace.calls, 'call')}`, trace.model && [' of ', h('strong', null, trace.model)],
    most && `; ${Math.round((Number(most.cost_usd) / Number(trace.cost_usd)) * 100)} % of the cost in “${most.name}”`,
    failed.length ? ['; ', h('span', { class: 'critical' }, `${count(failed.length, 'span')} failed`), `, first “${failed[0].name}”${errorText(failed[0].error) ? `: ${errorText(failed[0].error)}` : ''}`] : '; nothing failed', '.', more && ` Only the first ${MOST.toLocaleString('en')} spans are shown.`];
}

/** @param {any} trace @param {any[]} spans */
function factsOf(trace, spans) {
  const from = Math.floor(trace.at - 300);
  const to = Math.ceil(trace.at + trace.ms / 1000 + 300);
  const of = (/** @type {string} */ name) => spans.find((s) => s.attributes?.[name])?.attributes[name];
  const [key, route, cache] = ['triops.key', 'triops.route', 'triops.cache'].map(of);
  return [h('h2', null, 'About'), h('dl', { class: 'facts' },
    fact('Application', trace.application && h('a', { href: link(`/ui/entities/${encodeURIComponent(`application:${trace.application}`)}`) }, trace.application)),
    fact('Model', trace.model && h('a', { href: tracesOf({ model: trace.model }) }, trace.model)), fact('Provider', trace.provider && h('a', { href: tracesOf({ provider: trace.provider }) }, trace.provider)), fact('Route', route), fact('Prompt', trace.prompt && promptLink(trace)),
    fact('Session', trace.session && h('a', { href: sessionPath(trace.session) }, trace.session)), fact('User', trace.user && h('a', { href: tracesOf({ user: trace.user }) }, trace.user)), fact('Key', key && h('a', { href: tracesOf({ key }) }, key)), fact('Cache', cache && cache !== 'off' && cache),
    fact('Tags', trace.tags.length > 0 && trace.tags.map((/** @type {string} */ tag) => h('a', { class: 'tag', href: tracesOf({ tag }) }, tag)))),
  h('p', { class: 'small more' }, h('a', { href: link(`/ui/traces/${encodeURIComponent(trace.trace)}`) }, 'As a trace of services'), ' · ', h('a', { href: link('/ui/logs', { trace_id: trace.trace, from, to }) }, 'Logs'), ' · ', h('a', { href: link('/ui/incidents', { from, to }) }, 'Incidents then'))];
}

/** @param {string} name @param {any} value */
function fact(name, value) {
  return value ? [h('dt', null, name), h('dd', null, value)] : null;
}
