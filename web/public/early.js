// What every page asks first, asked while its scripts are still on their way: `src/api/early.ts` takes the answers.
window.easelEarly = fetch('/api/v1/config/public', { headers: { accept: 'application/json' } })
// Whoever takes it is told that it failed; if nobody does, there is nobody to tell.
window.easelEarly.catch(function () {})
;(function () {
  // The page's own scripts, which the build wrote down (`build/shell.ts`): the router would ask for them when the application has come.
  var pages = JSON.parse(document.currentScript.dataset.pages || '{}')
  var scripts = pages[location.pathname] || []
  scripts.forEach(function (script) {
    var link = document.createElement('link')
    link.rel = 'modulepreload'
    link.href = script
    document.head.append(link)
  })
  if (location.pathname !== '/gallery' || location.search) return
  // One's first pictures. Where people log in, somebody without a session has none, and browsers log a refusal as an error.
  window.easelPictures = window.easelEarly
    .then(function (answer) {
      return answer.clone().json()
    })
    .then(function (config) {
      var known = !config.accounts || document.cookie.includes('easel_csrf=')
      return known ? fetch('/api/v1/images?limit=100', { headers: { accept: 'application/json' } }) : null
    })
  window.easelPictures.catch(function () {})
})()
