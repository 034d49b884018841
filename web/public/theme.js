// Before anything is painted, so that nothing flashes: the theme that was chosen, else the system's.
;(function () {
  var chosen = null
  try {
    chosen = localStorage.getItem('easel-theme')
  } catch {
    // Storage is blocked: the system's theme it is.
  }
  var light = chosen === 'light' || (chosen !== 'dark' && matchMedia('(prefers-color-scheme: light)').matches)
  document.documentElement.dataset.theme = light ? 'light' : 'dark'
})()
