/** Saving what one sees as a file: CSV that no spreadsheet runs, and any text or image. */

import { h } from '../dom.js';

/** Quoted, and never a formula for a spreadsheet: names come from outside. @param {any} value */
export function csvCell(value) {
  if (typeof value === 'number') return String(value);
  let s = value === null || value === undefined ? '' : String(value);
  if (/^[=+\-@\t\r]/.test(s) && !/^-?(\d+\.?\d*([eE][+-]?\d+)?|Infinity)$/.test(s)) s = `'${s}`;
  return /[",\n\r]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s;
}

/** @param {any[][]} rows */
export function csvText(rows) {
  return rows.map((row) => row.map(csvCell).join(',') + '\r\n').join('');
}

/** @param {string} name @param {any[][]} rows */
export function saveCsv(name, rows) {
  saveBlob(`${fileName(name)}.csv`, new Blob([csvText(rows)], { type: 'text/csv' }));
}

/** @param {string} name @param {Blob} blob */
export function saveBlob(name, blob) {
  const url = URL.createObjectURL(blob);
  saveUrl(name, url);
  URL.revokeObjectURL(url);
}

/** @param {string} name @param {string} url */
export function saveUrl(name, url) {
  h('a', { href: url, download: name }).click();
}

/** A name that every file system takes. @param {string} text */
export function fileName(text) {
  return 'triops-' + (text.replace(/[^\w.-]+/g, '-').replace(/^[-.]+|-+$/g, '').slice(0, 80) || 'data');
}
