// Runs before the first paint, so that a dark page never flashes white. Not a module for that reason alone.
(() => {
  const asked = new URLSearchParams(location.search).get('theme');
  /** @type {string|null} */ let kept = null;
  try { kept = localStorage.getItem('triops.theme'); } catch { /* storage is off: follow the system */ }
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const theme = [asked, kept].find((t) => t === 'light' || t === 'dark') || (dark ? 'dark' : 'light');
  document.documentElement.dataset.theme = theme;
})();
