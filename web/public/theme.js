// Before anything is painted, so that nothing flashes: the theme that was chosen, else the system's; and which part of the page's outline is to be
// seen (`build/shell.ts`), in the language that was chosen, else the browser's (as `src/i18n` has it).
;(function () {
  var stored = function (key) {
    try {
      return localStorage.getItem(key)
    } catch {
      // Storage is blocked: the system's settings it is.
      return null
    }
  }
  var root = document.documentElement
  var chosen = stored('easel-theme')
  var light = chosen === 'light' || (chosen !== 'dark' && matchMedia('(prefers-color-scheme: light)').matches)
  root.dataset.theme = light ? 'light' : 'dark'
  // As `src/composables/useTheme.ts` has it. Nothing is laid out yet, so that it costs nothing.
  if (light) document.querySelector('meta[name="theme-color"]').content = '#faf8f2'
  var known = { '/': 'landing', '/generate': 'generate', '/gallery': 'gallery' }
  root.dataset.page = known[location.pathname] || 'other'
  var wanted = [stored('easel-locale') || ''].concat(navigator.languages || [])
  for (var i = 0; i < wanted.length; i++) {
    var tag = wanted[i].slice(0, 2).toLowerCase()
    if (tag === 'en' || tag === 'ru' || tag === 'zh') {
      root.lang = tag === 'zh' ? 'zh-Hans' : tag
      break
    }
  }
})()
