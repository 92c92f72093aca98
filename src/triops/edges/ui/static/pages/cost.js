/** Cost: what was spent on language models, where it went, what it will come to, and which budget is near its end. */

import { ApiError, get } from '../api.js';
import { h, slot } from '../dom.js';
import { count, percent, short, text } from '../format.js';
import { budgetBars, budgetName, runsOut, tone, used } from '../parts/budgets.js';
import { empty } from '../parts/empty.js';
import { beginCommand, tracesOf } from '../parts/llmwords.js';
import { marksIn } from '../parts/marks.js';
import { DIMENSIONS, OTHERS, growth, nameIn, spendTable, stacked } from '../parts/spending.js';
import { stat } from '../parts/stat.js';
import { palette, timeseries, token } from '../parts/timeseries.js';
import { link, stepFor } from '../state.js';

const BARS = 31; // about so many: a month has days
const HOUR = 3600;
const FRESH_S = 6 * 86400; // within it single calls are kept, so that bars may be shorter than an hour
const SIGNS = ['price', 'config', 'prompt_label', 'deploy', 'policy', 'registration'];

/** @param {import('../visit.js').Visit} ctx */
function chosen(ctx) {
  const by = DIMENSIONS.some(([name]) => name === ctx.query.get('by')) ? String(ctx.query.get('by')) : 'application';
  const only = Object.fromEntries(DIMENSIONS.map(([name]) => [name, ctx.query.get(name)]).filter(([, value]) => value !== null));
  const step = stepFor(ctx.span, BARS);
  const every = ctx.span.start < Date.now() / 1000 - FRESH_S ? Math.max(HOUR, step) : step;
  const start = Math.floor(ctx.span.start / every) * every;
  return { by, only, every, start };
}

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const { by, only, every, start } = chosen(ctx);
  const end = ctx.range.to === 'now' ? null : ctx.span.end;
  return [{ path: '/spend', params: { ...only, by, start: ctx.span.start, end } }, { path: '/spend', params: { ...only, by, start, end, every } }, { path: '/spend/forecast', params: only }, { path: '/spend', params: { ...only, by: 'model' } }, { path: '/budgets', params: {} }, { path: '/spend/forecast', params: { ...only, by } }, { path: '/spend', params: { ...only, by, start: 2 * ctx.span.start - ctx.span.end, end: ctx.span.start } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Cost',
  question: 'Where does the money go, and who is near a limit?',
  calls,
  mount(ctx, root) {
    const answer = slot(h('p', { class: 'answer', 'aria-live': 'polite' }), ({ words }) => words);
    const bys = slot(h('nav', { class: 'by', 'aria-label': 'By' }), ({ by, only }) => DIMENSIONS.map(([name, title]) => h('a', { href: link('/ui/cost', { ...only, by: name === 'application' ? null : name }), 'aria-current': by === name && 'true' }, title)));
    const chips = slot(h('div', { class: 'chips' }), ({ by, only }) => Object.entries(only).map(([name, value]) => h('a', { class: 'chip tag', href: link('/ui/cost', { ...only, [name]: null, by }), title: 'Take this filter away' }, h('span', { class: 'muted' }, name), ' ', value || `no ${name}`, h('span', { 'aria-hidden': 'true' }, ' ✕'))));
    const stats = slot(h('div', { class: 'stats' }), ({ total, before }) => statsOf(total, before));
    const chart = timeseries({ height: 220, kind: 'bars', label: 'Spend over time', zoom: (range) => ctx.set(range) });
    const chartCard = h('section', { class: 'card', hidden: true }, h('div', { class: 'card-head' }, h('h2', null, 'Over time'), h('span', { class: 'muted small' }, 'drag to look closer; dashed marks are changes')), chart.el);
    const budgets = slot(h('section', { class: 'card', hidden: true }), (/** @type {any} */ { items }) => [h('div', { class: 'card-head' }, h('h2', null, 'Budgets'), h('span', { class: 'muted small' }, 'the upright mark is now: a bar beyond it spends faster than its time runs')), budgetBars(items)]);
    const place = h('section', { class: 'card flush spend-list', hidden: true });
    const nothing = h('section', { class: 'card flush', hidden: true });
    root.append(answer.el, stats.el, chips.el, bys.el, chartCard, budgets.el, place, nothing);
    let built = '';
    /** @type {any} */ let list = null;
    /** @type {Map<string, string>} */ let colors = new Map();

    /** @param {string} by @param {Record<string, any>} only */
    function build(by, only) {
      built = JSON.stringify([by, only]);
      const label = DIMENSIONS.find(([name]) => name === by)?.[1] || by;
      const next = by === 'model' ? 'application' : 'model';
      list = spendTable({ by, label, colors: () => colors, empty: empty('Nothing was spent in this range.'),
        narrow: (row) => (by in only ? null : link('/ui/cost', { ...only, [by]: row[by], by: next in only ? 'prompt' : next })),
        traces: (row) => (['team', 'route'].includes(by) || !row[by] ? null : tracesOf({ [by]: row[by] })) });
      place.replaceChildren(list.el);
    }

    return {
      async refresh() {
        const { by, only, every, start } = chosen(ctx);
        if (built !== JSON.stringify([by, only])) build(by, only);
        bys.set({ by, only });
        chips.set({ by, only });
        const wanted = calls(ctx);
        const [rows, timed, month, models, limits, ends, before, marks] = await Promise.all([read(wanted[0]), hourly(wanted[1]), ...wanted.slice(2).map(read), marksIn(ctx.span, ctx.signal)]);
        const shown = Object.keys(only).length ? [] : limits.items;
        const spent = rows.total.requests > 0 || rows.rows.length > 0;
        const begun = spent || month.rows.length > 0;
        answer.set({ words: begun ? answerOf(month.rows[0], models.rows, shown, only) : 'Nothing has been spent yet.' });
        nothing.replaceChildren(begun ? '' : empty('No call has come through the gateway yet.', { hint: 'From one variable on, every call is counted to the cent, by application, model, prompt and user:', command: beginCommand(), link: ['More ways to begin', link('/ui/start')] }));
        stats.set({ total: rows.total, before: Number(before.total.cost_usd) });
        const series = stacked(timed.rows, rows.rows, by, { start, end: ctx.span.end, every });
        const hues = palette();
        for (const [i, s] of series.entries()) s.color = s.name === OTHERS ? token('strong-line') : hues[i % hues.length];
        colors = new Map(series.map((s) => [s.name, s.color]));
        const foretold = new Map(ends.rows.map((/** @type {any} */ r) => [r[by], r]));
        const cost = Number(rows.total.cost_usd);
        const earlier = new Map(before.rows.map((/** @type {any} */ r) => [r[by], Number(r.cost_usd)]));
        list.set(rows.rows.map((/** @type {any} */ r) => ({ ...r, share: cost ? Number(r.cost_usd) / cost : 0, forecast: foretold.get(r[by]), before: Number(before.total.cost_usd) ? earlier.get(r[by]) || 0 : null })));
        for (const el of [stats.el, bys.el, place, chartCard]) el.hidden = !begun;
        nothing.hidden = begun;
        chips.el.hidden = !Object.keys(only).length;
        budgets.el.hidden = !shown.length;
        budgets.set({ items: shown });
        if (begun) await chart.set({ series, unit: 'USD', every, span: { start, end: ctx.span.end }, marks: { ...marks, changes: marks.changes.filter((c) => SIGNS.includes(c.kind)) }, note: 'Nothing was spent in this range' });
      },
      leave: () => chart.leave(),
    };

    /** @param {import('../api.js').Call} call */
    function read(call) {
      return get(call.path, call.params, ctx.signal);
    }

    /** Bars shorter than an hour where single calls are still kept. @param {import('../api.js').Call} call */
    async function hourly(call) {
      try {
        return await read(call);
      } catch (error) {
        const every = call.params?.every;
        if (!(error instanceof ApiError) || error.field !== 'every' || every >= HOUR) throw error;
        return read({ ...call, params: { ...call.params, every: HOUR } });
      }
    }
  },
};

/** @param {any} total @param {number} before the cost of a window as long, just before */
function statsOf(total, before) {
  const cost = Number(total.cost_usd);
  return [stat('Spent', h('span', { title: `$${total.cost_usd}` }, text(cost, 'USD')), { note: before ? `${growth(cost, before)} against the time before` : 'in this range' }), stat('Calls', short(total.requests), { note: total.refused ? `${short(total.refused)} refused` : '' }), stat('A call', text(total.requests ? cost / total.requests : null, 'USD'), { note: 'on average' }),
    stat('Tokens', [short(total.input_tokens), h('span', { class: 'muted' }, ' → '), short(total.output_tokens)], { note: 'in → out' }),
    stat('Saved by the cache', text(Number(total.saved_usd), 'USD'), { note: total.requests ? `${percent(total.hits / total.requests)} of calls` : '' }),
    Number(total.estimated_cost_usd) > 0 && stat('Estimated', text(Number(total.estimated_cost_usd), 'USD'), { note: `${count(total.estimated, 'call')} counted by ourselves` }),
    total.unpriced > 0 && stat('Without a price', short(total.unpriced), { tone: 'warning', note: 'apply a Price document' })].filter(Boolean);
}

/** The month first: so far, by its end, mostly on what, and which budget is near its end. @param {any} month @param {any[]} models @param {any[]} budgets @param {Record<string, any>} only */
function answerOf(month, models, budgets, only) {
  const who = Object.entries(only).map(([name, value]) => value || `no ${name}`).join(', ');
  if (!month) return `Nothing was spent this month${who ? ` by ${who}` : ''}.`;
  const [so, end, low, high] = ['month_to_date_usd', 'forecast_usd', 'low_usd', 'high_usd'].map((name) => Number(month[name]));
  const top = models[0];
  const part = top && so ? Number(top.cost_usd) / so : 0;
  const near = budgets.find((b) => tone(b)) || budgets.find((b) => b.exhausted_at);
  return [h('strong', null, text(so, 'USD')), ` this month${who ? ` for ${who}` : ''}`,
    month.method === 'too little history' ? h('span', { class: 'muted' }, ', too little history for a forecast') : [', about ', h('strong', null, text(end, 'USD')), ' by its end', high > low && h('span', { class: 'muted' }, ` (${text(low, 'USD')} to ${text(high, 'USD')}, four times in five)`)],
    part > 0 && [`; ${percent(part)} on `, h('a', { href: link('/ui/cost', { ...only, by: 'model' }) }, nameIn(top, 'model'))], '. ',
    near && h('span', { class: tone(near) || null }, tone(near) ? '◆ ' : '', `The budget of ${budgetName(near)} is at ${used(near)} of its ${near.per === 'total' ? 'total' : near.per}, ${runsOut(near)}.`)];
}
