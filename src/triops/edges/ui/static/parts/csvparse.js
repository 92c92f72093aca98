/** CSV and TSV as rows, bounded. Pure. */

/** @param {string} text @param {number} most rows @returns {{rows: string[][], more: boolean}} */
export function parseCsv(text, most) {
  const comma = separator(text);
  /** @type {string[][]} */ const rows = [];
  let row = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (c === '"' && cell === '') quoted = true;
    else if (c === comma) {
      row.push(cell);
      cell = '';
    } else if (c === '\n') {
      row.push(cell.endsWith('\r') ? cell.slice(0, -1) : cell);
      cell = '';
      if (row.length > 1 || row[0] !== '') rows.push(row);
      row = [];
      if (rows.length > most) return { rows: rows.slice(0, most), more: true };
    } else cell += c;
  }
  if (cell !== '' || row.length) rows.push([...row, cell]);
  return { rows: rows.slice(0, most), more: rows.length > most };
}

/** The likeliest of comma, tab and semicolon, by the first line. @param {string} text */
function separator(text) {
  const line = text.slice(0, 4000).split('\n')[0];
  return [',', '\t', ';'].map((c) => ({ c, n: line.split(c).length })).sort((a, b) => b.n - a.n)[0].c;
}
