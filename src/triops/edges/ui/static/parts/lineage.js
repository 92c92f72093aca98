/** From data to what serves: dataset, run, logged model, version, alias and endpoint, as boxes from left to right. */

import { h, svg } from '../dom.js';
import { worded } from '../format.js';
import { iconPath } from '../icons.js';
import { layers } from './layers.js';

const WIDE = 190;
const HIGH = 48;
const ACROSS = 62; // between boxes
const DOWN = 18;
const NARROW = 640;
const MOST = 200;
/** @type {Record<string, [string, string]>} type → icon, word */
const TYPES = { dataset: ['dataset', 'data'], run: ['run', 'run'], training_run: ['run', 'run'], logged_model: ['models', 'logged model'], model_version: ['models', 'version'], version: ['models', 'version'], alias: ['alias', 'alias'], endpoint: ['service', 'endpoint'], experiment: ['experiments', 'experiment'], model: ['models', 'model'] };

/** @param {{nodes: any[], edges: any[]}} graph @param {(path: string) => void} go */
export function lineage({ nodes, edges }, go) {
  const shown = nodes.slice(0, MOST);
  const place = layers(shown.map((n) => n.id), edges);
  const narrow = innerWidth < NARROW;
  const sizes = /** @type {number[]} */ ([]);
  for (const { layer } of place.values()) sizes[layer] = (sizes[layer] || 0) + 1;
  const tallest = Math.max(1, ...sizes.filter(Boolean));
  const at = new Map([...place].map(([id, { layer, slot }]) => {
    const offset = (tallest - (sizes[layer] || 1)) / 2;
    return [id, narrow ? { x: 4 + slot * (WIDE + 16), y: 4 + layer * (HIGH + 34) } : { x: 4 + layer * (WIDE + ACROSS), y: 4 + (slot + offset) * (HIGH + DOWN) }];
  }));
  const wide = narrow ? tallest * (WIDE + 16) : sizes.length * (WIDE + ACROSS) - ACROSS + 8;
  const high = narrow ? sizes.length * (HIGH + 34) : tallest * (HIGH + DOWN) + 8;
  return h('div', { class: 'diff-wrap', tabindex: '0', role: 'region', 'aria-label': 'Lineage' }, svg('svg', { class: 'lineage', style: { 'max-width': `${wide}px` }, viewBox: `0 0 ${wide} ${high}`, role: 'group', 'aria-label': shown.map((n) => n.name).join(' → ') },
    edges.filter((e) => at.has(e.source) && at.has(e.target)).map((e) => link(e, at, narrow)),
    shown.filter((n) => at.has(n.id)).map((n) => box(n, /** @type {any} */ (at.get(n.id)), go))));
}

/** @param {any} e @param {Map<string, {x: number, y: number}>} at @param {boolean} narrow */
function link(e, at, narrow) {
  const [a, b] = [/** @type {any} */ (at.get(e.source)), /** @type {any} */ (at.get(e.target))];
  const [x1, y1, x2, y2] = narrow ? [a.x + WIDE / 2, a.y + HIGH, b.x + WIDE / 2, b.y] : [a.x + WIDE, a.y + HIGH / 2, b.x, b.y + HIGH / 2];
  const [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const path = narrow ? `M${x1} ${y1}C${x1} ${my} ${x2} ${my} ${x2} ${y2}` : `M${x1} ${y1}C${mx} ${y1} ${mx} ${y2} ${x2} ${y2}`;
  return svg('g', null, svg('path', { class: 'edge', d: path, 'stroke-width': 1.5 }, svg('title', null, worded(e.kind))), svg('path', { class: 'edge', d: narrow ? `M${x2 - 4} ${y2 - 6}L${x2} ${y2 - 1}L${x2 + 4} ${y2 - 6}` : `M${x2 - 6} ${y2 - 4}L${x2 - 1} ${y2}L${x2 - 6} ${y2 + 4}`, 'stroke-width': 1.5 }));
}

/** @param {any} n @param {{x: number, y: number}} p @param {(path: string) => void} go */
function box(n, p, go) {
  const [glyph, word] = TYPES[n.type] || ['service', String(n.type).replaceAll('_', ' ')];
  const name = String(n.name);
  const short = name.length > 20 ? name.slice(0, 18) + '…' : name;
  const to = typeof n.link === 'string' && n.link.startsWith('/') ? encodeURI(n.link.startsWith('/ui') ? n.link : `/ui${n.link}`) : null;
  const inner = [svg('title', null, `${word}: ${name}`), svg('rect', { width: WIDE, height: HIGH, rx: 6 }), svg('path', { class: 'glyph', d: iconPath(glyph), transform: 'translate(10 15) scale(0.9)' }), svg('text', { x: 38, y: 21, class: 'lin-name' }, short), svg('text', { x: 38, y: 37, class: 'lin-type' }, word)];
  if (!to) return svg('g', { class: 'lin-node', transform: `translate(${p.x} ${p.y})` }, inner);
  return svg('a', { href: to, class: 'lin-node opens', transform: `translate(${p.x} ${p.y})`, on: { click: (/** @type {MouseEvent} */ e) => { if (e.metaKey || e.ctrlKey || e.shiftKey) return; e.preventDefault(); go(to); } } }, inner);
}
