/** A JSON value as YAML to read and to apply again: strings are quoted whenever they could be read as anything else. */

/** @param {any} value @param {number} [depth] @returns {string} */
export function yaml(value, depth = 0) {
  const pad = '  '.repeat(depth);
  if (Array.isArray(value)) {
    if (!value.length) return '[]';
    if (value.every((v) => v === null || typeof v !== 'object')) return `[${value.map(scalar).join(', ')}]`;
    return value.map((v) => `\n${pad}- ${yaml(v, depth + 1).replace(/^\n\s*/, '')}`).join('');
  }
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value);
    if (!entries.length) return '{}';
    const lines = entries.map(([k, v]) => {
      const inner = yaml(v, depth + 1);
      return `${pad}${scalar(k)}:${inner.startsWith('\n') ? inner : v !== null && typeof v === 'object' && !Array.isArray(v) && Object.keys(v).length ? '\n' + inner : ' ' + inner}`;
    });
    return lines.join('\n');
  }
  return scalar(value);
}

/** @param {any} v */
function scalar(v) {
  if (typeof v !== 'string') return JSON.stringify(v);
  return /^[A-Za-z_][\w ./-]*$/.test(v) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(v) && !v.endsWith(' ') ? v : JSON.stringify(v);
}
