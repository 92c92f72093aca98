/** The files of a run: a tree that opens, and a look into the one chosen. */

import { all, head, seg, urlOf } from '../api.js';
import { h } from '../dom.js';
import { text as measured } from '../format.js';
import { icon } from '../icons.js';
import { parsed } from '../parsing.js';
import { code } from './code.js';
import { parseCsv } from './csvparse.js';
import { empty } from './empty.js';
import { failure } from './failure.js';
import { json } from './json.js';
import { markdown } from './markdown.js';
import { mlModelCard, readMlModel } from './mlmodel.js';
import { table } from './table.js';

const LISTED = 2000; // files of one folder
const LOOK = 512 * 1024; // bytes of a file shown
const ROWS = 1000;
const PICTURE = 20 * 1024 * 1024;

/** @param {import('../visit.js').Visit} ctx @param {string} run */
export function artifacts(ctx, run) {
  const tree = h('div', { class: 'files card', 'aria-label': 'Files' });
  const look = h('div', { class: 'preview card' });
  const el = h('div', { class: 'artifacts' }, tree, look);
  /** @type {Map<string, any[]>} */ const known = new Map();
  const open = new Set(['']);
  let shown = '\u0000';

  /** @param {string} folder */
  async function load(folder) {
    const { items, next } = await all(`/runs/${seg(run)}/artifacts`, { path: folder }, LISTED, ctx.signal);
    known.set(folder, [...items].sort((a, b) => Number(b.is_dir) - Number(a.is_dir) || a.path.localeCompare(b.path, 'en', { numeric: true })).concat(next ? [{ path: '', more: true }] : []));
  }

  function draw() {
    tree.replaceChildren(list('') || h('span', { class: 'muted' }, 'No file.'));
  }

  /** @param {string} folder @returns {any} */
  function list(folder) {
    const items = known.get(folder);
    if (!items?.length) return items ? (folder ? h('ul', null, h('li', { class: 'muted small' }, 'empty')) : null) : h('ul', null, h('li', { class: 'muted small' }, '…'));
    return h('ul', null, items.map((item) => {
      if (item.more) return h('li', { class: 'muted small' }, `only the first ${LISTED.toLocaleString('en')} are listed`);
      const name = item.path.slice(item.path.lastIndexOf('/') + 1);
      const here = ctx.query.get('path') === item.path;
      return h('li', null, h('button', { type: 'button', class: 'file', 'aria-expanded': item.is_dir ? String(open.has(item.path)) : null, 'aria-current': here ? 'true' : null, on: { click: () => (item.is_dir ? flip(item.path) : ctx.set({ path: item.path }, { replace: true })) } },
        icon(item.is_dir ? (open.has(item.path) ? 'down' : 'right') : 'file', 14), h('span', { class: 'name', title: item.path }, name), item.size !== null && item.size !== undefined && !item.is_dir ? h('span', { class: 'muted small' }, measured(item.size, 'By')) : null),
      item.is_dir && open.has(item.path) ? list(item.path) : null);
    }));
  }

  /** @param {string} folder */
  async function flip(folder) {
    open.has(folder) ? open.delete(folder) : open.add(folder);
    draw();
    if (!open.has(folder) || known.has(folder)) return;
    try {
      await load(folder);
      draw();
    } catch (error) {
      if (/** @type {any} */ (error).name !== 'AbortError') look.replaceChildren(failure(error));
    }
  }

  /** The folders above a file, so that a link to it shows where it lies. @param {string} path */
  async function unfold(path) {
    const parts = path.split('/').slice(0, -1);
    for (let i = 0; i <= parts.length; i++) {
      const folder = parts.slice(0, i).join('/');
      open.add(folder);
      if (!known.has(folder)) await load(folder);
    }
  }

  /** @param {string} path */
  async function preview(path) {
    const item = [...known.values()].flat().find((i) => i.path === path) || { path, size: null };
    const place = { path: `/runs/${seg(run)}/artifacts/content`, params: { path } };
    const name = path.slice(path.lastIndexOf('/') + 1);
    const bar = h('div', { class: 'preview-head' }, h('h2', { class: 'mono' }, path), item.size !== null && h('span', { class: 'muted small' }, measured(item.size, 'By')), h('a', { class: 'small', href: urlOf({ ...place, params: { path, download: 'true' } }), download: name }, 'Download'));
    const body = h('div');
    look.replaceChildren(bar, body);
    try {
      body.append(await inside(name, place, item.size));
    } catch (error) {
      if (/** @type {any} */ (error).name !== 'AbortError') body.append(failure(error));
    }
  }

  /** @param {string} name @param {import('../api.js').Call} place @param {number|null} size */
  async function inside(name, place, size) {
    if (/\.(png|jpe?g|gif|webp|bmp|ico)$/i.test(name)) return size !== null && size > PICTURE ? h('p', { class: 'muted' }, 'A picture too large to show here.') : picture(place, name);
    const { bytes, cut } = await head(place.path, place.params || {}, LOOK, ctx.signal);
    if (binary(bytes)) return h('p', { class: 'muted' }, 'Not text: download it to look inside.');
    const words = new TextDecoder().decode(bytes);
    const note = cut && h('p', { class: 'muted small' }, `The first ${measured(LOOK, 'By')} are shown.`);
    if (name === 'MLmodel') return h('div', { class: 'page' }, mlModelCard(readMlModel(words)), h('details', null, h('summary', null, 'The file itself'), code(words)));
    if (/\.json$/i.test(name) && !cut) {
      const value = parsed(words);
      if (value !== undefined) return isTable(value) ? rowsTable([value.columns.map(String), ...value.data], name, false) : json(value, { open: 2 });
    }
    if (/\.(csv|tsv)$/i.test(name)) {
      const { rows, more } = parseCsv(words, ROWS);
      if (rows.length) return rowsTable(rows, name, more || cut);
    }
    if (/\.(md|markdown)$/i.test(name)) return h('div', null, markdown(words), note);
    return h('div', null, note, code(words || '(empty)'));
  }

  /** @param {import('../api.js').Call} place @param {string} name */
  function picture(place, name) {
    const img = h('img', { src: urlOf(place), alt: name, on: { error: () => img.replaceWith(h('p', { class: 'muted' }, 'The picture cannot be shown.')) } });
    return img;
  }

  return {
    el,
    async refresh() {
      await load('');
      const path = ctx.query.get('path') || '';
      if (path) await unfold(path);
      else for (const folder of open) if (folder) await load(folder);
      draw();
      const first = known.get('') || [];
      if (!first.length) look.replaceChildren(empty('This run has no artifact.', { hint: 'Files come with mlflow.log_artifact, log_model and autolog.' }));
      else if (!path) look.replaceChildren(h('p', { class: 'muted' }, 'Choose a file to look inside.'));
      if (path === shown) return;
      shown = path;
      if (path) await preview(path);
    },
  };
}

/** @param {Uint8Array} bytes */
function binary(bytes) {
  const some = bytes.subarray(0, 8000);
  return some.includes(0);
}


/** What mlflow.log_table writes. @param {any} value */
function isTable(value) {
  return value && Array.isArray(value.columns) && Array.isArray(value.data) && value.data.length <= ROWS && value.data.every(Array.isArray);
}

/** @param {any[][]} rows the first is the head @param {string} name @param {boolean} more */
function rowsTable(rows, name, more) {
  const [heads, ...data] = rows;
  const numeric = heads.map((_, i) => data.length > 0 && data.every((r) => r[i] === '' || r[i] === null || (r[i] !== undefined && String(r[i]).trim() !== '' && Number.isFinite(Number(r[i])))));
  const cell = (/** @type {any} */ v) => (v === null || v === undefined ? '' : typeof v === 'object' ? JSON.stringify(v) : v);
  const t = table({ name: 'file', label: name, tall: '60vh', columns: heads.slice(0, 60).map((label, i) => ({ id: `c${i}`, label: String(label), right: numeric[i], value: (r) => (numeric[i] && r[i] !== '' && r[i] !== null ? Number(r[i]) : cell(r[i])), cell: (r) => String(cell(r[i])).slice(0, 300) })), empty: h('p', { class: 'muted' }, 'Only a head, no row.') });
  t.set(data);
  return h('div', null, t.el, more && h('p', { class: 'muted small' }, `The first ${data.length.toLocaleString('en')} rows are shown.`));
}
