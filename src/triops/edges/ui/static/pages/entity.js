/** One entity, as a page or beside one: how it is, what it depends on, what happened to it. */

import { get, seg } from '../api.js';
import { h, slot } from '../dom.js';
import { count, figure, nameOf, text, typeOf, when } from '../format.js';
import { changeLine } from '../parts/changelist.js';
import { claim, gaps } from '../parts/evidence.js';
import { health } from '../parts/health.js';
import { incidentLine } from '../parts/incidentlist.js';
import { named } from '../parts/labels.js';
import { marksIn, marksOf } from '../parts/marks.js';
import { timeseries } from '../parts/timeseries.js';
import { link, stepFor } from '../state.js';

/** What a host shows: metric, unit, title, labels that name its lines */
const HOST = [
  ['system.cpu.utilization', 'ratio', 'CPU by mode'],
  ['system.memory.utilization', 'ratio', 'Memory'],
  ['system.cpu.load_average.1m', '', 'Load, 1 min'],
  ['system.filesystem.utilization', 'ratio', 'Disks'],
];

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const { start, end } = ctx.span;
  const id = ctx.params.id;
  /** @type {import('../api.js').Call[]} */
  const list = [{ path: `/entities/${seg(id)}` }, { path: '/relations', params: { entity: id } }, { path: '/anomalies', params: { entity: id, start, end, limit: 50 } }, { path: '/changes', params: { entity: id, start, end, limit: 50 } }, { path: '/incidents', params: { entity: id, start, end, limit: 50 } }];
  if (typeOf(id) === 'service') list.push({ path: '/red', params: { service: nameOf(id), start, end, step: stepFor(ctx.span) } }, { path: '/operations', params: { service: nameOf(id), start, end, limit: 20 } });
  return list;
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Entity',
  question: 'How is it, what hangs on it, and what happened to it?',
  calls,
  mount(ctx, root) {
    const id = ctx.params.id;
    const service = typeOf(id) === 'service' ? nameOf(id) : '';
    const host = typeOf(id) === 'host' ? nameOf(id) : '';
    const narrow = ctx.params.narrow === 'yes';
    const zoom = (/** @type {import('../state.js').Range} */ range) => ctx.set(range);
    const answer = slot(h('p', { class: narrow ? 'answer small-answer' : 'answer' }), (words) => words);
    const links = service && h('p', { class: 'jumps' }, h('a', { href: link('/ui/traces', { service }) }, 'Traces'), ' · ', h('a', { href: link('/ui/logs', { service }) }, 'Logs'), ' · ', h('a', { href: link('/ui/traces', { service, status: 'error' }) }, 'Failed requests'));
    const names = service ? [['Latency', 'ms'], ['Rate', '/s'], ['Errors', 'ratio']] : host ? HOST.map(([, unit, title]) => [title, unit]) : [];
    const charts = names.map(([title]) => timeseries({ height: narrow ? 110 : 150, zoom, label: `${title} of ${nameOf(id)}` }));
    const grid = h('div', { class: ['chart-grid', narrow && 'one'] }, charts.map((c, i) => h('section', { class: 'chart-cell' }, h('h3', null, names[i][0]), c.el)));
    const section = (/** @type {string} */ title, /** @type {any} */ body) => h('section', { class: narrow ? 'sub' : 'card' }, h('h2', null, title), body);
    const relations = slot(h('div'), ({ uses, usedBy }) => [
      uses.length || usedBy.length ? h('div', { class: 'relations' }, side('Depends on', uses.map((/** @type {any} */ r) => [r.target, r.kind])), side('Needed by', usedBy.map((/** @type {any} */ r) => [r.source, r.kind]))) : h('p', { class: 'muted' }, 'Nothing is known to depend on it.')]);
    const operations = slot(h('div'), (/** @type {any[]} */ list) => (list.length ? h('table', { class: 'plain-table' }, h('thead', null, h('tr', null, ['Operation', 'Calls', 'Errors', 'p50', 'p95'].map((t, i) => h('th', { class: i && 'right' }, t)))), h('tbody', null, list.map((o) => h('tr', null, h('td', null, h('a', { href: link('/ui/traces', { service, name: o.name }) }, o.name)), h('td', { class: 'right' }, figure(o.count)), h('td', { class: 'right' }, o.errors ? h('span', { class: 'critical' }, o.errors) : '0'), h('td', { class: 'right' }, figure(o.ms_p50, 'ms')), h('td', { class: 'right' }, figure(o.ms_p95, 'ms')))))) : h('p', { class: 'muted' }, 'No request in this range.')));
    const history = slot(h('div'), ({ incidents, anomalies, changes }) => [
      incidents.length ? h('ul', { class: 'lines' }, incidents.map(incidentLine)) : null,
      changes.length ? h('ul', { class: 'lines' }, changes.map((/** @type {any} */ c) => changeLine(c))) : null,
      anomalies.length ? h('ul', { class: 'claims' }, anomalies.slice(0, 12).map((/** @type {any} */ a) => h('li', null, claim(a)))) : null,
      !incidents.length && !changes.length && !anomalies.length && h('p', { class: 'muted' }, 'Nothing in this range.')]);
    const about = slot(h('div'), (/** @type {any} */ e) => h('dl', { class: 'facts attrs' }, Object.entries(e.attributes || {}).map(([k, v]) => [h('dt', null, k), h('dd', { class: 'mono' }, String(v))]), h('dt', null, 'first seen'), h('dd', null, when(e.first_seen)), h('dt', null, 'last seen'), h('dd', null, when(e.last_seen))));
    const rest = h('div', { hidden: true, class: narrow ? null : 'columns' }, h('div', null, section('What happened', history.el), service && section('Operations', operations.el)), h('div', null, section('Around it', relations.el), section('About', about.el)));
    root.append(answer.el, ...(links ? [links] : []), grid, rest);

    /** @param {string} title @param {[string, string][]} list */
    function side(title, list) {
      return h('div', null, h('h3', null, title), list.length ? h('ul', { class: 'plain' }, list.map(([other, kind]) => h('li', null, h('button', { type: 'button', class: 'link', on: { click: () => (narrow ? ctx.panel(other) : ctx.go(link(`/ui/entities/${encodeURIComponent(other)}`))) } }, nameOf(other)), h('span', { class: 'muted small' }, ` ${typeOf(other)}, ${kind.replace('_', ' ')}`)))) : h('p', { class: 'muted small' }, 'nothing known'));
    }

    return {
      async refresh() {
        const [entity, rel, anomalies, changes, incidents, red, ops] = await Promise.all(calls(ctx).map((c) => get(c.path, c.params, ctx.signal)));
        const marks = await marksIn(ctx.span, ctx.signal);
        if (!narrow) ctx.head({ title: h('span', null, entity.name, ' ', h('span', { class: 'muted' }, entity.type)) });
        const open = anomalies.items.filter((/** @type {any} */ a) => !a.ended_at);
        const line = red ? red.items.filter((/** @type {any} */ r) => !r.source) : [];
        const last = line[line.length - 1];
        answer.set([health(entity.health, ''), ' ', open.length ? [h('b', null, `${open[0].title || `${open[0].kind} of ${open[0].signal}`}`), open.length > 1 ? ` and ${count(open.length - 1, 'more sign')}` : '', '.'] : entity.health === 'ok' ? 'Healthy.' : entity.health === 'unknown' ? 'Not enough is known yet to judge it.' : `Health: ${entity.health}.`, last ? ` ${text(last.rate, '/s')} requests, p95 ${text(last.ms_p95, 'ms')}, ${text(last.error_ratio, 'ratio')} errors.` : ''].flat());
        relations.set({ uses: rel.items.filter((/** @type {any} */ r) => r.source === id), usedBy: rel.items.filter((/** @type {any} */ r) => r.target === id) });
        history.set({ incidents: incidents.items, anomalies: anomalies.items, changes: changes.items });
        about.set(entity);
        if (ops) operations.set(ops.items);
        rest.hidden = false;
        const own = marksOf(marks, id);
        if (service) await drawRed(charts, line, ctx.span, own);
        if (host) await Promise.all(HOST.map(([metric, unit], i) => drawHost(charts[i], host, metric, unit, ctx, own)));
      },
      leave: () => charts.forEach((c) => c.leave()),
    };
  },
};

/** @param {ReturnType<typeof timeseries>[]} charts @param {any[]} line @param {import('../state.js').Span} span @param {import('../parts/marks.js').Marks} marks */
function drawRed(charts, line, span, marks) {
  const step = stepFor(span);
  const points = (/** @type {string} */ field) => gaps(line.map((r) => [r.time, r[field]]), step);
  const shared = { span, marks };
  return Promise.all([
    charts[0].set({ ...shared, unit: 'ms', series: [{ name: 'p50', points: points('ms_p50') }, { name: 'p95', points: points('ms_p95') }, { name: 'p99', points: points('ms_p99') }] }),
    charts[1].set({ ...shared, unit: '/s', series: [{ name: 'requests', points: points('rate') }] }),
    charts[2].set({ ...shared, unit: 'ratio', series: [{ name: 'errors', points: points('error_ratio') }] }),
  ]);
}

/** @param {ReturnType<typeof timeseries>} chart @param {string} host @param {string} metric @param {string} unit @param {import('../visit.js').Visit} ctx @param {import('../parts/marks.js').Marks} marks */
async function drawHost(chart, host, metric, unit, ctx, marks) {
  const { series } = await get('/metrics/series', { match: `${metric}{host_name=${JSON.stringify(host)}}`, start: ctx.span.start, end: ctx.span.end, step: stepFor(ctx.span), limit: 20 }, ctx.signal).catch(() => ({ series: [] }));
  await chart.set({ series: named(series), unit, span: ctx.span, marks });
}
