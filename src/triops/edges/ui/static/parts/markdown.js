/**
 * Markdown as elements, never as markup: text stays text, links go only where http does, pictures are links. Headings,
 * lists, tables, code, quotes, emphasis: what a model card or a note is written in.
 */

import { h } from '../dom.js';

const MOST = 200000; // characters drawn; the rest is said
const DEEP = 8;

/** @param {string} text @returns {HTMLElement} */
export function markdown(text) {
  const cut = text.length > MOST;
  const lines = text.slice(0, MOST).replace(/\r\n?/g, '\n').split('\n');
  return h('div', { class: 'prose' }, blocks(lines, 0), cut && h('p', { class: 'muted' }, 'The rest is too long to show.'));
}

/** @param {string[]} lines @param {number} depth @returns {any[]} */
function blocks(lines, depth) {
  const out = [];
  let i = 0;
  while (i < lines.length) {
    const line = lines[i];
    const fence = /^\s*(```+|~~~+)/.exec(line);
    const head = /^(#{1,6})\s+(.*?)#*\s*$/.exec(line);
    if (!line.trim()) i++;
    else if (fence) {
      const end = lines.findIndex((l, n) => n > i && l.trim().startsWith(fence[1]));
      out.push(h('pre', null, h('code', null, lines.slice(i + 1, end < 0 ? lines.length : end).join('\n'))));
      i = end < 0 ? lines.length : end + 1;
    } else if (head) {
      out.push(h(`h${Math.min(4, head[1].length + 1)}`, null, inline(head[2], 0)));
      i++;
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      out.push(h('hr'));
      i++;
    } else if (/^\s*>/.test(line) && depth < DEEP) {
      const from = i;
      while (i < lines.length && /^\s*>/.test(lines[i])) i++;
      out.push(h('blockquote', null, blocks(lines.slice(from, i).map((l) => l.replace(/^\s*> ?/, '')), depth + 1)));
    } else if (isTable(lines, i)) {
      const from = i;
      while (i < lines.length && lines[i].includes('|')) i++;
      out.push(tableOf(lines.slice(from, i)));
    } else if (item(line) && depth < DEEP) {
      const [list, next] = listOf(lines, i, depth);
      out.push(list);
      i = next;
    } else {
      const from = i++;
      while (i < lines.length && lines[i].trim() && !/^\s*(#{1,6}\s|```|~~~|>)/.test(lines[i]) && !item(lines[i]) && !isTable(lines, i)) i++;
      out.push(h('p', null, inline(lines.slice(from, i).join('\n').trim(), 0)));
    }
  }
  return out;
}

/** @param {string} line */
function item(line) {
  return /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/.exec(line);
}

/** @param {string[]} lines @param {number} i @param {number} depth @returns {[any, number]} */
function listOf(lines, i, depth) {
  const first = /** @type {RegExpExecArray} */ (item(lines[i]));
  const ordered = /\d/.test(first[2]);
  const indent = first[1].length;
  /** @type {string[][]} */ const items = [];
  while (i < lines.length) {
    const found = item(lines[i]);
    if (found && found[1].length <= indent + 1 && /\d/.test(found[2]) === ordered) items.push([found[3]]);
    else if (lines[i].trim() && (found || /^\s{2,}/.test(lines[i]))) items[items.length - 1].push(lines[i].replace(new RegExp(`^\\s{0,${indent + 2}}`), ''));
    else break;
    i++;
  }
  return [h(ordered ? 'ol' : 'ul', null, items.map(([words, ...more]) => h('li', null, inline(words, 0), more.length ? blocks(more, depth + 1) : null))), i];
}

/** @param {string[]} lines @param {number} i */
function isTable(lines, i) {
  return lines[i].includes('|') && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[i + 1] || '') && (lines[i + 1] || '').includes('-');
}

/** @param {string[]} lines */
function tableOf(lines) {
  const cells = (/** @type {string} */ line) => line.trim().replace(/^\||(?<!\\)\|$/g, '').split(/(?<!\\)\|/).map((c) => c.trim());
  const right = cells(lines[1]).map((c) => /-:$/.test(c));
  return h('table', { class: 'plain-table' }, h('thead', null, h('tr', null, cells(lines[0]).map((c, n) => h('th', { class: right[n] && 'right' }, inline(c, 0))))),
    h('tbody', null, lines.slice(2).map((line) => h('tr', null, cells(line).map((c, n) => h('td', { class: right[n] && 'right' }, inline(c, 0)))))));
}

const SPAN = /\\([!-/:-@[-`{-~])|(`+)([^`]|[^`][\s\S]*?[^`])\2(?!`)|!?\[([^\]\n]{0,500})\]\(\s*<?([^\s)>]{0,2000})>?[^)\n]{0,200}\)|\*\*(?=\S)([^*]+?)\*\*|__(?=\S)([^_]+?)__|\*(?=\S)([^*\n]+?)\*|(?<!\w)_(?=\S)([^_\n]+?)_(?!\w)|~~([^~\n]+?)~~|(https?:\/\/[^\s<>)\]]{1,1000})/;

/** @param {string} text @param {number} depth @returns {any[]} */
function inline(text, depth) {
  const out = [];
  let rest = text;
  for (let found = depth < DEEP ? SPAN.exec(rest) : null; found; found = SPAN.exec(rest)) {
    out.push(rest.slice(0, found.index));
    const [whole, plain, , code, label, href, strong, strong2, em, em2, gone, bare] = found;
    if (plain !== undefined) out.push(plain);
    else if (code !== undefined) out.push(h('code', null, code.trim()));
    else if (href !== undefined) out.push(anchor(href, inline(label || href, depth + 1)));
    else if (bare !== undefined) out.push(anchor(bare, [bare]));
    else if (gone !== undefined) out.push(h('s', null, inline(gone, depth + 1)));
    else if (strong ?? strong2) out.push(h('strong', null, inline(strong ?? strong2, depth + 1)));
    else out.push(h('em', null, inline(em ?? em2, depth + 1)));
    rest = rest.slice(found.index + whole.length);
  }
  out.push(rest);
  return out;
}

/** A link of http or of this site; any other address stays words. @param {string} href @param {any[]} words */
function anchor(href, words) {
  if (/^https?:\/\//i.test(href)) return h('a', { href, rel: 'noopener noreferrer nofollow', target: '_blank' }, words);
  if (/^\/ui(\/|$)/.test(href)) return h('a', { href }, words);
  return h('span', null, words);
}
